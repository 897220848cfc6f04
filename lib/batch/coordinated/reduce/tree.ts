/**
 * The shape of a reduction's tree. Level 0 has a node for each part of the input, by its number; a node above merges
 * `fanIn` of those below it. The shape follows from the number of parts and the fan-in alone.
 */
export interface Place {
  readonly level: number;
  readonly index: number;
}

/** How many nodes a level has. */
export const widthOf = (level: number, partCount: number, fanIn: number): number => {
  let width = partCount;
  for (let at = 0; at < level; at += 1) width = Math.ceil(width / fanIn);
  return width;
};

export const parentOf = ({ level, index }: Place, fanIn: number): Place => ({
  level: level + 1,
  index: Math.floor(index / fanIn),
});

/**
 * How many children a node has. As long as parts may still come (`partCount` undefined) only a full node is known to be
 * complete.
 */
export const childCountOf = ({ level, index }: Place, partCount: number | undefined, fanIn: number): number =>
  partCount === undefined ? fanIn : Math.max(0, Math.min(fanIn, widthOf(level - 1, partCount, fanIn) - index * fanIn));

export const childrenOf = ({ level, index }: Place, count: number, fanIn: number): readonly Place[] =>
  Array.from({ length: count }, (_, at) => ({ level: level - 1, index: index * fanIn + at }));

/** Where the result is. Undefined for no parts at all. */
export const rootOf = (partCount: number, fanIn: number): Place | undefined => {
  if (partCount === 0) return undefined;
  let level = 0;
  while (widthOf(level, partCount, fanIn) > 1) level += 1;
  return { level, index: 0 };
};

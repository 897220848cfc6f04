/** Of a log line: already redacted. */
export type Field = readonly [name: string, value: unknown];

/** Kept free for the names of what is left out. */
const LEFT_OUT_CHARS = 1_000;

const charsOf = (json: unknown): number => JSON.stringify(json).length;

/** Of the items in their order each one that still fits. */
const fitting = <T>(items: readonly T[], roomChars: number, charCount: (item: T) => number): readonly T[] => {
  let leftChars = roomChars;
  return items.filter((item) => {
    const chars = charCount(item);
    if (chars > leftChars) return false;
    leftChars -= chars;
    return true;
  });
};

/**
 * A line of at most `limitChars` characters: the fields that come first, then the shortest of the others, as long as
 * there is room, all in their order; `leftOut` names those that are missing, as many as have room themselves.
 *
 * @param head What the line says in any case; it leaves room for more.
 */
export const shortLine = (
  head: object,
  fields: readonly Field[],
  comesFirst: (name: string) => boolean,
  limitChars: number,
): string => {
  const fieldChars = ([name, value]: Field): number => charsOf({ [name]: value });
  const shortestFirst = fields
    .map((field) => ({ field, chars: fieldChars(field) }))
    .toSorted((a, b) => a.chars - b.chars);
  const ranked = [
    ...shortestFirst.filter(({ field: [name] }) => comesFirst(name)),
    ...shortestFirst.filter(({ field: [name] }) => !comesFirst(name)),
  ];
  const roomChars = limitChars - charsOf({ ...head, leftOut: [] }) - LEFT_OUT_CHARS;
  const kept = new Set(fitting(ranked, roomChars, ({ chars }) => chars).map(({ field }) => field));
  const missing = fields.filter((field) => !kept.has(field)).map(([name]) => name);
  const leftOut = fitting(missing, LEFT_OUT_CHARS, (name) => charsOf(name) + 1);
  return JSON.stringify({ ...head, ...Object.fromEntries(fields.filter((field) => kept.has(field))), leftOut });
};

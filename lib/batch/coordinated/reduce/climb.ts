import { absent, equals, type Fields } from '#primitives/table';
import { persist } from '../../pause.ts';
import { reducerOf } from './kinds.ts';
import { headKey, markField, marksKey, nodeKey, readHead, type Head } from './records.ts';
import { packPartial, unpackPartial, type Partial } from './states.ts';
import type { ReductionStore } from './store.ts';
import { childCountOf, childrenOf, parentOf, rootOf, widthOf, type Place } from './tree.ts';

/** The number of parts, once no more may come. */
const knownParts = ({ input, parts }: Head): number | undefined => (input === 'known' ? parts : undefined);

const isRoot = (place: Place, head: Head): boolean => {
  const parts = knownParts(head);
  return parts !== undefined && place.index === 0 && rootOf(parts, head.fanIn)?.level === place.level;
};

/** The children that a node has; of one that is not in the tree, or may not be, none. */
const childrenIn = (place: Place, head: Head): readonly Place[] => {
  const parts = knownParts(head);
  const isAbove = parts !== undefined && place.level > (rootOf(parts, head.fanIn)?.level ?? 0);
  if (place.level === 0 || isAbove) return [];
  return childrenOf(place, childCountOf(place, parts, head.fanIn), head.fanIn);
};

const areAllMarked = (marks: Fields | undefined, place: Place, head: Head): boolean => {
  const children = childrenIn(place, head);
  return children.length > 0 && children.every((child) => marks?.[markField(child)] !== undefined);
};

/** The reduction is done. Whoever comes second changes nothing. */
const finish = async (store: ReductionStore, id: string, root: Place, items: number): Promise<void> => {
  await persist('finish reduction', store.pause, () =>
    store.table.update({
      key: headKey(id),
      set: { status: 'done', rootLevel: root.level, items },
      condition: equals('status', 'running'),
    }),
  );
};

/**
 * Tells the parent of a node that the node is there, and lets the parent be merged when it was the last: of two last ones
 * at once the one that is marked second reads both marks. Marked first, read then: whoever crashes between the two comes
 * again, by its message.
 *
 * API calls: 3 (the read of the head, the mark, the read); the root 2; the last child 1 more.
 */
export const climb = async (store: ReductionStore, id: string, place: Place, items: number): Promise<void> => {
  const before = await store.head(id);
  if (before === undefined || before.status !== 'running') return;
  if (isRoot(place, before)) return finish(store, id, place, items);
  const parent = parentOf(place, before.fanIn);
  await persist('mark child', store.pause, () =>
    store.table.update({
      key: marksKey(id, parent),
      set: { [markField(place)]: true },
      expiresAtMs: before.expiresAtMs,
    }),
  );
  const [marks, fields] = await store.getMany([marksKey(id, parent), headKey(id)]);
  if (fields === undefined) return;
  const head = readHead(fields);
  // The last part may have come meanwhile: then this node is the root.
  if (isRoot(place, head)) return finish(store, id, place, items);
  if (areAllMarked(marks, parent, head)) await sendMerge(store, id, parent);
};

const sendMerge = (store: ReductionStore, id: string, merge: Place): Promise<void> =>
  store.send({ reductionId: id, merge });

/** Puts a node, or finds the one that there is: all that write it write the same. */
export const putNode = async (
  store: ReductionStore,
  id: string,
  place: Place,
  partial: Partial,
  expiresAtMs: number,
): Promise<void> => {
  const fields = await packPartial(store, id, partial, expiresAtMs);
  await persist('write node', store.pause, () =>
    store.table.put({ key: nodeKey(id, place), fields, condition: absent(), expiresAtMs }),
  );
};

/**
 * Merges the children of a node. Called too early, or again, it does no harm.
 *
 * API calls: 6 (head, children, node, and those of {@link climb}), more for long states.
 *
 * @returns Why not, of a node that the tree does not have.
 */
export const mergeNode = async (store: ReductionStore, id: string, place: Place): Promise<string | undefined> => {
  const head = await store.head(id);
  if (head === undefined || head.status !== 'running') return undefined;
  const { expiresAtMs } = head;
  const children = childrenIn(place, head);
  if (children.length === 0) return `reduction '${id}' merges nothing at ${place.level}/${place.index}`;
  const found = await store.getMany(children.map((child) => nodeKey(id, child)));
  const reducer = reducerOf(head.kind, head.bounds);
  let state = reducer.empty;
  let items = 0;
  for (const fields of found) {
    if (fields === undefined) return undefined;
    const partial = await unpackPartial(store, id, fields);
    state = reducer.merge(state, reducer.read(partial.state));
    items += partial.items;
  }
  await putNode(store, id, place, { state: reducer.write(state), items }, expiresAtMs);
  await climb(store, id, place, items);
  return undefined;
};

/**
 * What only the end of the input can begin: nodes at the end of each level have fewer children than the fan-in, and may
 * have been complete before anybody could know it. May be repeated.
 *
 * API calls: 1 for each level and 1.
 */
export const settleTree = async (store: ReductionStore, id: string): Promise<void> => {
  const head = await store.head(id);
  if (head === undefined || head.status !== 'running' || head.input !== 'known') return;
  const { parts, fanIn } = head;
  const root = rootOf(parts, fanIn);
  if (root === undefined) return finish(store, id, { level: 0, index: 0 }, 0);
  const top = await store.get(nodeKey(id, root));
  if (top !== undefined) return finish(store, id, root, (await unpackPartial(store, id, top)).items);
  for (let level = 1; level <= root.level; level += 1) {
    const last = { level, index: widthOf(level, parts, fanIn) - 1 };
    const marks = await store.get(marksKey(id, last));
    if (areAllMarked(marks, last, head)) await sendMerge(store, id, last);
  }
};

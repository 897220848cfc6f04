import { absent, equals } from '#primitives/table';
import { persist } from '../../pause.ts';
import { reducerOf } from './kinds.ts';
import { headKey, markCount, markField, marksKey, nodeKey, readHead, type Head } from './records.ts';
import { packPartial, unpackPartial, type Partial } from './states.ts';
import type { ReductionStore } from './store.ts';
import { childCountOf, childrenOf, parentOf, rootOf, widthOf, type Place } from './tree.ts';

/** The number of parts, once no more may come. */
const knownParts = ({ input, parts }: Head): number | undefined => (input === 'known' ? parts : undefined);

const isRoot = (place: Place, head: Head): boolean => {
  const parts = knownParts(head);
  return parts !== undefined && place.index === 0 && rootOf(parts, head.fanIn)?.level === place.level;
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
  if (markCount(marks) === childCountOf(parent, knownParts(head), head.fanIn)) await sendMerge(store, id, parent);
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
 */
export const mergeNode = async (store: ReductionStore, id: string, place: Place): Promise<void> => {
  const head = await store.head(id);
  if (head === undefined || head.status !== 'running') return;
  const { fanIn, expiresAtMs } = head;
  const children = childrenOf(place, childCountOf(place, knownParts(head), fanIn), fanIn);
  const found = await store.getMany(children.map((child) => nodeKey(id, child)));
  const reducer = reducerOf(head.kind, head.bounds);
  let state = reducer.empty;
  let items = 0;
  for (const fields of found) {
    if (fields === undefined) return;
    const partial = await unpackPartial(store, id, fields);
    state = reducer.merge(state, reducer.read(partial.state));
    items += partial.items;
  }
  await putNode(store, id, place, { state: reducer.write(state), items }, expiresAtMs);
  await climb(store, id, place, items);
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
    if (markCount(marks) === childCountOf(last, parts, fanIn)) await sendMerge(store, id, last);
  }
};

import type { Json } from '#primitives/table';
import { textOf, textsOf } from '#primitives/field-values';
import type { Joins } from '../join/join.ts';
import { reduceReport } from './ingest.ts';
import { allJoin, imageJoin, pageKey, type ImagesStore } from './store.ts';
import { readImages } from './steps.ts';
import { MAX_PAGES, STEPS, type Step } from './types.ts';
import { persist } from '../../pause.ts';

/** Colours are the names of one another; what failed is none of them. */
const FAILED = 'failed';
/** What a step that was done has left, for sure. */
const LEFT: Readonly<Record<Step, string>> = { tag: 'dominant', blur: 'key', thumbnail: 'key' };

const fieldOf = (data: Json | undefined, name: string): string | undefined => {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  return textOf((data as Readonly<Record<string, Json>>)[name]);
};

/** What came with all arrivals of a join. */
export const allArrivals = async (joins: Joins, joinId: string): Promise<ReadonlyMap<string, Json>> => {
  const all = new Map<string, Json>();
  let cursor: string | undefined;
  do {
    const page = await joins.arrivals(joinId, cursor);
    for (const { branch, data } of page?.arrivals ?? []) all.set(branch, data);
    cursor = page?.cursor;
  } while (cursor !== undefined);
  return all;
};

/** The key of an image, by the listing. */
const keyOf = async (store: ImagesStore, id: string, image: number): Promise<string | undefined> => {
  let before = 0;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const read = () => store.table.get(pageKey(id, page));
    const { fields } = await persist('read page', store.pause, async () => ({ fields: await read() }));
    if (fields === undefined) return undefined;
    const keys = textsOf(fields.keys);
    if (image < before + keys.length) return keys[image - before];
    before += keys.length;
    if (typeof fields.next !== 'string') return undefined;
  }
  return undefined;
};

/** Whether a join has fired for all of so many branches: anybody may say so, on the bus or to the queue. */
const isComplete = async (joins: Joins, joinId: string, count: number): Promise<boolean> => {
  const view = await joins.view(joinId);
  return view?.status === 'fired' && view.outcome === 'complete' && view.expected === count;
};

/**
 * Why an image is not through: the first step that has failed. One that arrived without what it leaves was not done:
 * somebody else has arrived in its name.
 */
const failureIn = (steps: ReadonlyMap<string, Json>, joinId: string): string | undefined => {
  for (const step of STEPS) {
    const data = steps.get(step);
    const failed = fieldOf(data, FAILED);
    if (failed !== undefined) return `${step}: ${failed}`;
    if (fieldOf(data, LEFT[step]) === undefined) return `${step}: somebody else has arrived at join '${joinId}'`;
  }
  return undefined;
};

/**
 * The join of an image is said to have fired: when it has, all of its steps are through. Now, and not before, its original
 * goes, unless a step has failed; then the image arrives at the join of all. A repeat deletes what is gone, and arrives
 * again. A join that still waits, or has another number of branches, changes nothing.
 */
export const endImage = async (store: ImagesStore, id: string, image: number): Promise<void> => {
  const head = await readImages(store, id);
  const key = await keyOf(store, id, image);
  if (head === undefined || key === undefined) return;
  const joinId = imageJoin(id, image);
  if (!(await isComplete(store.joins, joinId, STEPS.length))) return;
  const steps = await allArrivals(store.joins, joinId);
  const reason = failureIn(steps, joinId);
  if (reason === undefined && !head.keepOriginals) await store.bucketOf(head.bucket).delete(key);
  const dominant = fieldOf(steps.get('tag'), 'dominant') ?? '';
  await store.joins.arrive(
    allJoin(id),
    String(image),
    reason === undefined ? { key, dominant } : { key, failed: reason },
  );
};

/** The join of all images is said to have fired: when it has, what they are is reduced to a histogram. */
export const report = async (store: ImagesStore, id: string): Promise<void> => {
  // A join of somebody else may have such a name.
  const head = await readImages(store, id);
  if (head?.total === undefined || !(await isComplete(store.joins, allJoin(id), head.total))) return;
  const images = await allArrivals(store.joins, allJoin(id));
  const items = [...images].flatMap(([image, data]) => {
    const value = fieldOf(data, 'dominant');
    return value === undefined ? [] : [{ id: image, value }];
  });
  await reduceReport(store, id, items);
};

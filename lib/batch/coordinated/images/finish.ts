import type { Json } from '#primitives/table';
import { textOf, textsOf } from '#primitives/field-values';
import type { Joins } from '../join/join.ts';
import { allJoin, imageJoin, pageKey, reportOf, type ImagesStore } from './store.ts';
import { readImages } from './steps.ts';
import { MAX_PAGES } from './types.ts';
import { persist } from '../../pause.ts';

/** Colours are the names of one another; what failed is none of them. */
const FAILED = 'failed';

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

/**
 * The join of an image has fired: all of its steps are through. Now, and not before, its original goes, unless a step has
 * failed; then the image arrives at the join of all. A repeat deletes what is gone, and arrives again.
 */
export const endImage = async (store: ImagesStore, id: string, image: number): Promise<void> => {
  const head = await readImages(store, id);
  const key = await keyOf(store, id, image);
  if (head === undefined || key === undefined) return;
  const steps = await allArrivals(store.joins, imageJoin(id, image));
  const reason = [...steps].flatMap(([step, data]) => {
    const failed = fieldOf(data, FAILED);
    return failed === undefined ? [] : [`${step}: ${failed}`];
  })[0];
  if (reason === undefined && !head.keepOriginals) await store.bucketOf(head.bucket).delete(key);
  const dominant = fieldOf(steps.get('tag'), 'dominant') ?? '';
  await store.joins.arrive(
    allJoin(id),
    String(image),
    reason === undefined ? { key, dominant } : { key, failed: reason },
  );
};

/** The join of all images has fired: what they are is reduced to a histogram. */
export const report = async (store: ImagesStore, id: string): Promise<void> => {
  // A join of somebody else may have such a name.
  if ((await readImages(store, id)) === undefined) return;
  const images = await allArrivals(store.joins, allJoin(id));
  const items = [...images].flatMap(([image, data]) => {
    const value = fieldOf(data, 'dominant');
    return value === undefined ? [] : [{ id: image, value }];
  });
  await store.reductions.create(reportOf(id), { kind: 'histogram', items });
};

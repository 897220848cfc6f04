import { checkInteger, checkNames } from '#primitives/checks';
import { checkFunction, checkParts } from '#primitives/part-checks';
import type { Json } from '#primitives/table';
import { allArrivals } from './finish.ts';
import { ensureImages } from './ingest.ts';
import { allJoin, imagesStore, reportOf, type ImagesOptions, type ImagesStore } from './store.ts';
import { readImages } from './steps.ts';
import type { ImagesPlan, ImagesView } from './types.ts';

const TEN_YEARS_MS = 315_360_000_000;
/** What {@link ImagesOptions} is made of. */
export const IMAGES_OPTIONS = [
  'table',
  'queue',
  'bucketOf',
  'made',
  'pictures',
  'joins',
  'reductions',
  'clock',
  'random',
  'log',
  'keepMs',
];

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkImagesOptions = (options: ImagesOptions): void => {
  checkNames(options, IMAGES_OPTIONS);
  checkInteger('keepMs', options.keepMs, 1, TEN_YEARS_MS);
  const { table, queue, clock, random, log } = options;
  checkParts({ table, queue, clock, random, log });
  checkFunction('bucketOf', options.bucketOf);
};

export interface Images {
  /** Accepts images: when it returns, they will be through, whatever crashes. The same id again is the same images. */
  create(id: string, plan: ImagesPlan): Promise<void>;
  view(id: string): Promise<ImagesView | undefined>;
}

const failedIn = (arrivals: ReadonlyMap<string, Json>) =>
  [...arrivals.values()].flatMap((data) => {
    const { key, failed } = data as { readonly key?: string; readonly failed?: string };
    return key === undefined || failed === undefined ? [] : [{ key, reason: failed }];
  });

const viewOf = async (store: ImagesStore, id: string): Promise<ImagesView | undefined> => {
  const head = await readImages(store, id);
  if (head === undefined) return undefined;
  const { total, isReported, reason } = head;
  if (reason !== undefined) return { status: 'failed', total: null, done: 0, failed: [], reason };
  if (total === undefined) return { status: 'listing', total: null, done: 0, failed: [] };
  const arrived = total === 0 ? new Map<string, Json>() : await allArrivals(store.joins, allJoin(id));
  const failed = failedIn(arrived);
  const counts = { total, done: arrived.size - failed.length, failed };
  const reduction = isReported ? await store.reductions.view(reportOf(id)) : undefined;
  if (reduction?.status !== 'done') return { status: 'running', ...counts };
  return { status: 'done', ...counts, report: reduction.result as Readonly<Record<string, number>> };
};

/**
 * The image pipeline of the book, of joins and a reduction: originals are copied to three steps (tags, a blurred copy, a
 * thumbnail); behind the join of an image its original goes; behind the join of all of them they are reduced to a report.
 *
 * Somebody must read the queue: {@link imageConsumer}.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 13
 */
export const images = (options: ImagesOptions): Images => {
  checkImagesOptions(options);
  const store = imagesStore(options);
  return Object.freeze<Images>({
    create: async (id, plan) => {
      await ensureImages(store, id, plan);
      await store.send([{ imagesId: id, ...plan }]);
    },
    view: (id) => viewOf(store, id),
  });
};

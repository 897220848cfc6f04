import { absent, and, not, type Fields } from '#primitives/table';
import { persist } from '../../pause.ts';
import { fromSource } from '../../work-queue/from-source.ts';
import { textOf, textsOf } from '#primitives/field-values';
import type { ReductionItem } from '../reduce/reducer.ts';
import { allJoin, headKey, imageJoin, pageKey, readHead, reportOf, type Head, type ImagesStore } from './store.ts';
import { MAX_IMAGES, MAX_PAGES, STEPS, type ImagesPlan } from './types.ts';

const PAGE_COUNT = 100;
const MADE_PREFIX = 'made/';
const BEHIND_MADE = `${MADE_PREFIX}\u{10FFFF}`;

/** The names of the pipeline's joins are its own; somebody else has taken one all the same. */
const thereIsAnother = (joinId: string): string => `there is another join '${joinId}'`;

/** Makes the head, or finds the one that an earlier attempt has made. */
export const ensureImages = async (store: ImagesStore, id: string, plan: ImagesPlan): Promise<Head> => {
  const expiresAtMs = store.clock.nowMs() + store.keepMs;
  const fields: Fields = {
    ...plan.source,
    keepOriginals: plan.keepOriginals === true,
    ...(plan.blur === undefined ? {} : { blur: JSON.stringify(plan.blur) }),
  };
  const outcome = await persist('make images', store.pause, () =>
    store.table.put({ key: headKey(id), fields, condition: absent(), expiresAtMs }),
  );
  return readHead(outcome.status === 'refused' ? (outcome.current ?? fields) : fields);
};

/** What was made before is no original: of the bucket where things are made, and of no other. */
const isMadeIn = (head: Head, store: ImagesStore, key: string | undefined): boolean =>
  head.bucket === store.made.name && key?.startsWith(MADE_PREFIX) === true;

/** A page as it was first listed: what is deleted meanwhile would change it. */
const recordPage = async (store: ImagesStore, id: string, head: Head, page: number, after: string | undefined) => {
  const key = pageKey(id, page);
  const { known } = await persist('read page', store.pause, async () => ({ known: await store.table.get(key) }));
  if (known !== undefined) return known;
  const from = after === undefined ? {} : { after };
  const listed = await persist('list images', store.pause, () =>
    fromSource(async () => store.bucketOf(head.bucket).list({ prefix: head.prefix, limit: PAGE_COUNT, ...from })),
  );
  const keys = listed.objects.map((object) => object.key);
  const fields: Fields = {
    keys: keys.filter((each) => !each.endsWith('/') && !isMadeIn(head, store, each)),
    // However many were made before: the listing goes on behind them.
    next: isMadeIn(head, store, listed.next) ? BEHIND_MADE : (listed.next ?? null),
  };
  const expiresAtMs = store.clock.nowMs() + store.keepMs;
  const outcome = await persist('record page', store.pause, () =>
    store.table.put({ key, fields, condition: absent(), expiresAtMs }),
  );
  return outcome.status === 'refused' && outcome.current !== undefined ? outcome.current : fields;
};

/** There will be no report, for this reason. */
export const failImages = async (store: ImagesStore, id: string, reason: string): Promise<void> => {
  await persist('fail images', store.pause, () =>
    store.table.update({ key: headKey(id), set: { reason }, condition: and(not(absent()), absent('reason')) }),
  );
};

/** Begins the report of images of these colours. From then on, and not before, the reduction of its name is theirs. */
export const reduceReport = async (store: ImagesStore, id: string, items: readonly ReductionItem[]): Promise<void> => {
  const made = await store.reductions.create(reportOf(id), { kind: 'histogram', items });
  if (made === 'another') return failImages(store, id, `there is another reduction '${reportOf(id)}'`);
  await persist('begin report', store.pause, () =>
    store.table.update({ key: headKey(id), set: { reported: true }, condition: not(absent()) }),
  );
};

/**
 * Ingest: lists the originals, makes the join of all of them and hands each to the copier. Everything is named by the
 * images' id and the place in the listing, which is on record, so that a repeat makes the same once more.
 */
export const ingest = async (store: ImagesStore, id: string, plan: ImagesPlan): Promise<void> => {
  const head = await ensureImages(store, id, plan);
  const keys: string[] = [];
  let after: string | undefined;
  for (let page = 0; page === 0 || after !== undefined; page += 1) {
    if (page === MAX_PAGES) return failImages(store, id, `more than ${MAX_PAGES * PAGE_COUNT} objects were listed`);
    const fields = await recordPage(store, id, head, page, after);
    keys.push(...textsOf(fields.keys));
    if (keys.length > MAX_IMAGES) return failImages(store, id, `more than ${MAX_IMAGES} images`);
    after = textOf(fields.next);
  }
  if (keys.length > 0) {
    const made = await store.joins.create(allJoin(id), { branches: keys.map((_, image) => String(image)) });
    if (made === 'another') return failImages(store, id, thereIsAnother(allJoin(id)));
  }
  await persist('count images', store.pause, () =>
    store.table.update({ key: headKey(id), set: { total: keys.length }, condition: not(absent()) }),
  );
  if (keys.length === 0) await reduceReport(store, id, []);
  await store.send(keys.map((key, image) => ({ imagesId: id, image, key })));
};

/** The copier: one image in, one message for each step out, behind a join that waits for all of them. */
export const copy = async (store: ImagesStore, id: string, image: number, key: string): Promise<void> => {
  const made = await store.joins.create(imageJoin(id, image), { branches: STEPS });
  if (made === 'another') {
    await store.joins.arrive(allJoin(id), String(image), { key, failed: thereIsAnother(imageJoin(id, image)) });
    return;
  }
  await store.send(STEPS.map((step) => ({ imagesId: id, image, key, step })));
};

import { absent, type Fields } from '#primitives/table';
import { inTurns } from '#resilience/in-turns';
import { persist } from '../../pause.ts';
import { fromSource } from '../../work-queue/from-source.ts';
import { textOf, textsOf } from '#primitives/field-values';
import { readObject } from '../../work-queue/read-object.ts';
import { PermanentFailure } from '../../work-queue/types.ts';
import { endListing } from './input.ts';
import { reducerOf, type AnyReducer, type ReductionKind } from './kinds.ts';
import { pageKey, type Head } from './records.ts';
import { fold, type Entry } from './reducer.ts';
import type { ReductionStore } from './store.ts';

/** Objects of one page, which is one part: their items fill one transaction. */
const PAGE_COUNT = 99;
/** Pages by one message. */
const MAX_PAGES = 20;
const MAX_OBJECT_BYTES = 1_048_576;
/** Objects of a page that are read at a time. */
const CONCURRENCY = 8;

/** A number in decimals, as JSON and spreadsheets write them: no hexadecimals, no words. */
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const isNumber = (word: string): boolean => NUMBER.test(word) && Number.isFinite(Number(word));

const decoder = new TextDecoder('utf-8', { fatal: true });

/** What an object comes to: itself, its words, or all of its numbers, with white space between. */
const entryIn = (reducer: AnyReducer, kind: ReductionKind, key: string, body: Uint8Array): Entry => {
  if (kind === 'count') return { id: key, state: reducer.of({ id: key }), length: 0 };
  let text: string;
  try {
    text = decoder.decode(body);
  } catch {
    throw new PermanentFailure(`object '${key}' is not UTF-8`);
  }
  if (kind === 'wordcount') return { id: key, state: reducer.of({ id: key, text }), length: 0 };
  const words = text.split(/\s+/).filter((word) => word !== '');
  const bad = words.find((word) => !isNumber(word));
  if (bad !== undefined)
    throw new PermanentFailure(`object '${key}' has '${bad.slice(0, 40)}' where a number should be`);
  const states = words.map((word) => reducer.of({ id: key, value: Number(word) }));
  return { id: key, state: fold(reducer, states), length: 0 };
};

/**
 * What a page's objects come to. They have no length, so that a page is one chunk also when an object has changed since
 * an earlier attempt: who changes objects meanwhile gets the one or the other.
 *
 * @throws {@link PermanentFailure} when an object cannot be reduced
 */
export const readObjects = async (
  store: ReductionStore,
  { kind, bounds, bucket }: Head,
  keys: readonly string[],
): Promise<readonly Entry[]> => {
  const objects = store.bucketOf(bucket);
  const reducer = reducerOf(kind, bounds);
  return inTurns(keys, CONCURRENCY, async (key) => {
    const { body } = await fromSource(() => readObject(objects, key, MAX_OBJECT_BYTES));
    return entryIn(reducer, kind, key, body);
  });
};

/** The page as it was first listed: every repeat goes on from the same place. */
const recordPage = async (store: ReductionStore, id: string, head: Head, page: number, after: string | undefined) => {
  const known = await store.get(pageKey(id, page));
  if (known !== undefined) return known;
  const from = after === undefined ? {} : { after };
  const listed = await persist('list source', store.pause, () =>
    fromSource(async () => store.bucketOf(head.bucket).list({ prefix: head.prefix, limit: PAGE_COUNT, ...from })),
  );
  const keys = listed.objects.map(({ key }) => key).filter((key) => !key.endsWith('/'));
  const fields: Fields = { keys, next: listed.next ?? null };
  const outcome = await persist('record page', store.pause, () =>
    store.table.put({ key: pageKey(id, page), fields, condition: absent(), expiresAtMs: head.expiresAtMs }),
  );
  return outcome.status === 'refused' && outcome.current !== undefined ? outcome.current : fields;
};

/** The objects of a page that was listed: by the record, whatever a message says. */
export const keysOf = async (
  store: ReductionStore,
  id: string,
  page: number,
): Promise<readonly string[] | undefined> => {
  const fields = await store.get(pageKey(id, page));
  return fields === undefined ? undefined : textsOf(fields.keys);
};

/**
 * Lists some pages of the source, each of which becomes a part by a message, and leaves the rest to another message.
 *
 * API calls: 4 a page, and 1 for where it goes on.
 *
 * @returns Why not, of a page that does not go on from one that was listed.
 */
export const listPages = async (
  store: ReductionStore,
  id: string,
  head: Head,
  first: number,
): Promise<string | undefined> => {
  let after: string | undefined;
  if (first > 0) {
    after = textOf((await store.get(pageKey(id, first - 1)))?.next);
    if (after === undefined) return `reduction '${id}' has no page ${first} to list`;
  }
  for (let page = first; page < first + MAX_PAGES; page += 1) {
    const fields = await recordPage(store, id, head, page, after);
    await store.send({ reductionId: id, number: page });
    after = textOf(fields.next);
    if (after === undefined) {
      await endListing(store, id, page + 1);
      return undefined;
    }
  }
  await store.send({ reductionId: id, page: first + MAX_PAGES });
  return undefined;
};

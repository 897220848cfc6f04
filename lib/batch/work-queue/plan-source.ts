import { absent, type Fields, type Table } from '#primitives/table';
import { fromSource } from './from-source.ts';
import { persist, type Pause } from '../pause.ts';
import { textOf, textsOf } from '#primitives/field-values';
import { pageKey } from './records.ts';
import type { WorkItem, WorkSource } from './types.ts';

/** Pages by one message at most, however much time there is. */
const MAX_PAGES = 40;

const NOTHING: Awaited<ReturnType<WorkSource['list']>> = { ids: [] };

interface SourceOptions {
  readonly jobs: Table;
  readonly jobId: string;
  readonly source: WorkSource;
  /** Nothing more is listed: an empty page ends the source where the listing stood. */
  readonly isCancelled: boolean;
  readonly send: (items: readonly WorkItem[]) => Promise<void>;
  /** Whether it is time to leave the rest to another message. */
  readonly isLate: () => boolean;
  readonly expiresAtMs: number;
  readonly pause: Pause;
}

/**
 * The page as it was first listed: its ids and where the next one begins are on record before any of them is sent, so
 * that every repeat, and every planner that works beside this one, sends the same ids and goes on from the same place.
 */
const recordPage = async (page: number, after: string | undefined, options: SourceOptions): Promise<Fields> => {
  const { jobs, jobId, source, expiresAtMs, pause } = options;
  const key = pageKey(jobId, page);
  const known = await persist('read page', pause, async () => ({ fields: await jobs.get(key) }));
  if (known.fields !== undefined) return known.fields;
  const { ids, next = null } = options.isCancelled
    ? NOTHING
    : await persist('list source', pause, () => fromSource(() => source.list(after)));
  const cut = options.isCancelled ? { cut: true } : {};
  const fields = { count: ids.length, ids, next, planned: false, ...cut };
  const outcome = await persist('record page', pause, () =>
    jobs.put({ key, fields, condition: absent(), expiresAtMs }),
  );
  return outcome.status === 'refused' && outcome.current !== undefined ? outcome.current : fields;
};

const planPage = async (page: number, after: string | undefined, options: SourceOptions): Promise<Fields> => {
  const { jobs, jobId, source, send, expiresAtMs, pause } = options;
  const record = await recordPage(page, after, options);
  if (record.planned === true) return record;
  const ids = textsOf(record.ids);
  const payloads = await fromSource(async () => source.getMany?.(ids) ?? Promise.all(ids.map((id) => source.get(id))));
  await send(ids.map((id, index) => ({ id, payload: payloads[index] ?? null })));
  // The ids have served: without them the record is as small as the others that tell the job's progress.
  const set = { planned: true };
  await persist('end page', pause, () => jobs.update({ key: pageKey(jobId, page), set, remove: ['ids'], expiresAtMs }));
  return record;
};

/**
 * Plans some pages of a source, beginning with page `first`, and gives the page to go on with; undefined at the end.
 * May be repeated and run twice at a time: no item is lost, none is counted twice.
 *
 * @returns `'unknown-page'` when nobody has planned the page before `first`
 */
export const planPages = async (
  first: number,
  options: SourceOptions,
): Promise<number | undefined | 'unknown-page'> => {
  const { jobs, jobId, pause } = options;
  let after: string | undefined;
  if (first > 0) {
    const before = await persist('read page', pause, async () => ({
      fields: await jobs.get(pageKey(jobId, first - 1)),
    }));
    after = textOf(before.fields?.next);
    if (after === undefined) return 'unknown-page';
  }
  for (let page = first; page < first + MAX_PAGES; page += 1) {
    after = textOf((await planPage(page, after, options)).next);
    if (after === undefined) return undefined;
    if (options.isLate()) return page + 1;
  }
  return first + MAX_PAGES;
};

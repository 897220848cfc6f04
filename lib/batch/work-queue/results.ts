import type { Fields, Table } from '#primitives/table';
import { jsonOf, numberOf, textOf, textsOf } from '#primitives/field-values';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { DEAD_LETTERS, effectKey, itemStatusOf, jobPartition } from './records.ts';
import type { DeadLetter, ItemResult } from './types.ts';

export interface ResultPage {
  readonly results: readonly ItemResult[];
  readonly cursor?: string;
}

export interface DeadLetterPage {
  readonly deadLetters: readonly DeadLetter[];
  readonly cursor?: string;
}

/** As many as one read of effects takes. */
const PAGE_COUNT = 100;

const resultOf = (id: string, fields: Fields): ItemResult => {
  const output = jsonOf(fields.output);
  const reason = textOf(fields.reason);
  return {
    id,
    status: itemStatusOf(fields.status),
    ...(output === undefined ? {} : { output }),
    ...(reason === undefined ? {} : { reason }),
    attempts: numberOf(fields.attempts),
  };
};

/** The ids that the records of a page have counted, as many records as fit; and where the next page begins. */
const endedIds = async (jobs: Table, jobId: string, after: string | undefined) => {
  const page = await jobs.query({
    partition: jobPartition(jobId),
    limit: PAGE_COUNT,
    ...(after === undefined ? {} : { after }),
  });
  const ids: string[] = [];
  let last: string | undefined;
  for (const { key, fields } of page.records) {
    // Burials and claims come before the job itself and its parts: what is behind them is no result.
    if (key.sort === 'job') return { ids, next: undefined };
    const more = textsOf(fields.ids);
    if (ids.length + more.length > PAGE_COUNT) return { ids, next: last };
    ids.push(...more);
    last = key.sort;
  }
  return { ids, next: page.next };
};

export const listResults = async (options: {
  readonly jobs: Table;
  readonly effects: Table;
  readonly jobId: string;
  readonly cursor: string | undefined;
}): Promise<ResultPage | undefined> => {
  const { jobs, effects, jobId, cursor } = options;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, /^(?:buried|claim)\/./);
  if (cursor !== undefined && after === undefined) return undefined;
  const { ids, next } = await endedIds(jobs, jobId, after);
  const found = ids.length === 0 ? [] : await effects.getMany(ids.map((id) => effectKey(jobId, id)));
  const results = ids.flatMap((id, index) => {
    const fields = found[index];
    return fields === undefined ? [] : [resultOf(id, fields)];
  });
  return { results, ...(next === undefined ? {} : { cursor: encodeCursor(next) }) };
};

export const listDeadLetters = async (options: {
  readonly jobs: Table;
  readonly cursor: string | undefined;
}): Promise<DeadLetterPage | undefined> => {
  const { jobs, cursor } = options;
  const after = cursor === undefined ? undefined : decodeCursor(cursor, /^[^/]+\/[0-9a-f]{64}$/);
  if (cursor !== undefined && after === undefined) return undefined;
  const page = await jobs.query({
    partition: DEAD_LETTERS,
    limit: PAGE_COUNT,
    ...(after === undefined ? {} : { after }),
  });
  const deadLetters = page.records.map(({ fields }) => {
    const [jobId, id, worker] = [textOf(fields.jobId), textOf(fields.id), textOf(fields.worker)];
    return {
      ...(jobId === undefined ? {} : { jobId }),
      ...(id === undefined ? {} : { id }),
      ...(worker === undefined ? {} : { worker }),
      reason: textOf(fields.reason) ?? '',
      attempts: numberOf(fields.attempts),
      atMs: numberOf(fields.atMs),
    };
  });
  return { deadLetters, ...(page.next === undefined ? {} : { cursor: encodeCursor(page.next) }) };
};

import type { Clock } from '#primitives/clock';
import type { Table } from '#primitives/table';
import { persist, type Pause } from '../pause.ts';
import { sha256 } from '#primitives/sha256';
import { jobFields, jobKey, readJob, type JobRecord, type NewJob } from './records.ts';
import type { JobItem, SourceReference } from './types.ts';

/** What a job is made of: a list, a source to be listed, or (`open`) items that come in parts. */
export interface JobPlan {
  readonly worker: string;
  readonly items?: readonly JobItem[] | undefined;
  readonly source?: SourceReference | undefined;
  readonly open?: true | undefined;
  /** The items of a group are done in their order. */
  readonly ordered?: boolean | undefined;
  /** So many small items go in one message, 1..9; 1 unless told. Not of an ordered job. */
  readonly pack?: number | undefined;
}

/** The items without repetitions: of several with one id the first counts. */
export const distinct = <T extends { readonly id: string }>(items: readonly T[]): readonly T[] => {
  const byId = new Map<string, T>();
  for (const item of items) if (!byId.has(item.id)) byId.set(item.id, item);
  return [...byId.values()];
};

export const jobOf = ({ worker, items, source, ordered, pack = 1 }: JobPlan): NewJob => ({
  worker,
  kind: items !== undefined ? 'list' : source !== undefined ? 'source' : 'open',
  total: items === undefined ? undefined : distinct(items).length,
  list: items === undefined ? undefined : sha256(JSON.stringify(distinct(items).map(({ id }) => id))),
  source,
  closed: false,
  ordered: ordered === true,
  pack,
});

const NO_PACK = 'items of an ordered job are not packed: each goes by itself';
const NO_PRIORITY = 'items of an ordered job have no priority: their order decides';

/** Why a job, or a part of one, is none wherever it is planned; undefined when nothing stands against it. */
export const planFault = (
  items: readonly JobItem[],
  { ordered, pack }: { readonly ordered: boolean; readonly pack: number },
): string | undefined => {
  if (!ordered) return undefined;
  if (pack > 1) return NO_PACK;
  return items.some(({ priority }) => priority !== undefined) ? NO_PRIORITY : undefined;
};

/** Makes the job's record, or finds the one that an earlier attempt has made, and gives what is stored. */
export const ensureJob = async (
  jobId: string,
  plan: JobPlan,
  options: { readonly jobs: Table; readonly clock: Clock; readonly keepMs: number; readonly pause: Pause },
): Promise<JobRecord> => {
  const { jobs, clock, keepMs, pause } = options;
  const nowMs = clock.nowMs();
  const fields = jobFields(jobOf(plan), nowMs);
  const outcome = await persist('make job', pause, () =>
    jobs.put({
      key: jobKey(jobId),
      fields,
      condition: { kind: 'absent' },
      expiresAtMs: nowMs + keepMs,
    }),
  );
  return readJob(outcome.status === 'refused' && outcome.current !== undefined ? outcome.current : fields);
};

/** The body of an item's message, the same from every planner. */
export const itemBody = (jobId: string, worker: string, item: JobItem): string => {
  const { id, payload, priority, deadlineAt } = item;
  return JSON.stringify({ jobId, id, worker, payload, priority, deadlineAt });
};

/** The body of a message of several items of one class. */
export const packBody = (jobId: string, worker: string, items: readonly JobItem[]): string => {
  const [first] = items;
  const pack = items.map(({ id, payload, deadlineAt }) => ({ id, payload, deadlineAt }));
  return JSON.stringify({ jobId, worker, priority: first?.priority, pack });
};

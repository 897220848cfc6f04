import { parseAnswer } from './answer-json.ts';

/** How an invocation ended: with a payload, or with an error, a timeout or the end of its host. */
export type BatchAnswer =
  | { readonly status: 'answered'; readonly payload: string }
  | { readonly status: 'failed'; readonly errorType: string; readonly message: string };

/** What becomes of the messages of a batch, by id. What is kept becomes visible when its visibility timeout ends. */
export interface BatchVerdict {
  readonly done: readonly string[];
  readonly kept: readonly string[];
  /** Why the batch failed as a whole, for the log: never what a function said, it may quote a message. */
  readonly problem?: string;
}

type ReportedFailures =
  | { readonly ok: true; readonly ids: ReadonlySet<string> }
  | { readonly ok: false; readonly problem: string };

const NONE: ReportedFailures = { ok: true, ids: new Set() };
const refuse = (problem: string): ReportedFailures => ({ ok: false, problem });

const ownValue = (value: object, name: string): unknown => Object.getOwnPropertyDescriptor(value, name)?.value;

const reportedFailures = (payload: string, batch: ReadonlySet<string>): ReportedFailures => {
  const answer = parseAnswer(payload);
  if (answer === undefined) return refuse('the answer is not JSON');
  if (answer.value === null) return NONE;
  if (typeof answer.value !== 'object' || Array.isArray(answer.value)) return refuse('the answer is not an object');
  const failures = ownValue(answer.value, 'batchItemFailures') ?? null;
  if (failures === null) return NONE;
  if (!Array.isArray(failures)) return refuse('batchItemFailures is not a list');
  const ids = new Set<string>();
  for (const failure of failures as readonly unknown[]) {
    const id = typeof failure === 'object' && failure !== null ? ownValue(failure, 'itemIdentifier') : undefined;
    if (typeof id !== 'string' || id === '') return refuse('an entry of batchItemFailures has no itemIdentifier');
    if (!batch.has(id)) return refuse('an itemIdentifier is not the id of a message in the batch');
    ids.add(id);
  }
  return { ok: true, ids };
};

/**
 * Decides which messages of a batch are deleted, as Lambda does: a failed invocation keeps all; without
 * ReportBatchItemFailures any answer deletes all; with it exactly what was not reported is deleted, and an answer that
 * cannot be understood keeps all.
 *
 * @param batch The message ids, in order.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export const judgeBatch = (
  batch: readonly string[],
  answer: BatchAnswer,
  options: { readonly reportBatchItemFailures: boolean },
): BatchVerdict => {
  if (answer.status === 'failed') return { done: [], kept: batch, problem: answer.errorType };
  if (!options.reportBatchItemFailures) return { done: batch, kept: [] };
  const reported = reportedFailures(answer.payload, new Set(batch));
  if (!reported.ok) return { done: [], kept: batch, problem: reported.problem };
  return {
    done: batch.filter((id) => !reported.ids.has(id)),
    kept: batch.filter((id) => reported.ids.has(id)),
  };
};

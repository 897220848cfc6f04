import type { Answer, Operation } from './call.ts';
import { isEmptyReceive } from './fauxqs.ts';

/** How often each operation was called, for tests and for the proof of formulas. */
export interface CallCounts {
  /** Counts a call, whatever becomes of it. */
  count(operation: Operation): void;
  /** Counts what only the answer shows: `sqs.ReceiveMessage.empty`. */
  countAnswer(operation: Operation, answer: Answer): void;
  /** Since the start or the last reset: `{"sqs.SendMessageBatch": 12, …}`. */
  counts(): Readonly<Record<string, number>>;
  reset(): void;
}

/** Names come from callers: what is beyond so many counts as `other`. */
const MAX_NAMES = 500;

export const callCounts = (): CallCounts => {
  const counts = new Map<string, number>();
  const add = (name: string): void => {
    const key = counts.has(name) || counts.size < MAX_NAMES ? name : 'other';
    counts.set(key, (counts.get(key) ?? 0) + 1);
  };
  return Object.freeze({
    count: ({ service, name }: Operation) => add(`${service}.${name}`),
    countAnswer: ({ service, name }: Operation, answer: Answer) => {
      if (service === 'sqs' && name === 'ReceiveMessage' && isEmptyReceive(answer)) add('sqs.ReceiveMessage.empty');
    },
    counts: () => Object.fromEntries([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    reset: () => counts.clear(),
  });
};

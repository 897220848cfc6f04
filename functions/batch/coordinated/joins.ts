import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireJoins } from './wiring.ts';

/** The deadline of a join of many branches takes a hundred calls: a few at a time end well within an invocation. */
const CONCURRENCY = 4;

let wired: ReturnType<typeof wireJoins> | undefined;

/** Reads the queue of joins. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { consume, log } = (wired ??= wireJoins(process.env));
  return partialBatch(messagesOf(event), consume, {
    concurrency: CONCURRENCY,
    onFailure: (message, error) => log.warn('not done, it will come again', failureFields(message, error)),
  });
};

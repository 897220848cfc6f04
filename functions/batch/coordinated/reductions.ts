import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireReductions } from './wiring.ts';

/** A part of a thousand items takes eleven transactions: two at a time end well within an invocation. */
const CONCURRENCY = 2;

let wired: ReturnType<typeof wireReductions> | undefined;

/** Reads the queue of reductions. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { consume, log } = (wired ??= wireReductions(process.env));
  return partialBatch(messagesOf(event), consume, {
    concurrency: CONCURRENCY,
    onFailure: (message, error) => log.warn('not done, it will come again', failureFields(message, error)),
  });
};

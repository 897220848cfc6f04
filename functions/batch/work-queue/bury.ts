import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireBury } from './wiring.ts';

/** Each message is three calls: a few at a time end well within the time of an invocation. */
const CONCURRENCY = 4;

let wired: ReturnType<typeof wireBury> | undefined;

/** Reads the queue of what could not be delivered. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { bury, log } = (wired ??= wireBury(process.env));
  return partialBatch(messagesOf(event), bury, {
    concurrency: CONCURRENCY,
    onFailure: (message, error) => log.error('not buried, it will come again', failureFields(message, error)),
  });
};

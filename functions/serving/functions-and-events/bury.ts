import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireBury } from './wiring.ts';

let wired: ReturnType<typeof wireBury> | undefined;

/** Reads the queue of what was never answered: turns sign-ups to compensation, and says of the rest why it is dead. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { bury, log } = (wired ??= wireBury(process.env));
  return partialBatch(messagesOf(event), bury, {
    onFailure: (message, error) => log.error('not buried, it will come again', failureFields(message, error)),
  });
};

import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireNormaliser } from './wiring.ts';

/** A message is one write of the table for each hundred lines. */
const CONCURRENCY = 4;

let wired: ReturnType<typeof wireNormaliser> | undefined;

/** Reads the queue of lines. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { normalise, log } = (wired ??= wireNormaliser(process.env));
  return partialBatch(messagesOf(event), normalise, {
    concurrency: CONCURRENCY,
    onFailure: (message, error) => log.warn('not stored, it will come again', failureFields(message, error)),
  });
};

import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireSteps } from './wiring.ts';

let wired: ReturnType<typeof wireSteps> | undefined;

/** Reads the queue of steps: codes to send, sign-ups to bring on. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { work, log } = (wired ??= wireSteps(process.env));
  return partialBatch(messagesOf(event), work, {
    onFailure: (message, error) => log.warn('not done, it will come again', failureFields(message, error)),
  });
};

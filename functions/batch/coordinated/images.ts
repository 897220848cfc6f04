import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireImages } from './wiring.ts';

let wired: ReturnType<typeof wireImages> | undefined;

/** Reads the queue of images. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { consume, log } = (wired ??= wireImages(process.env));
  return partialBatch(messagesOf(event), consume, {
    onFailure: (message, error) => log.warn('not done, it will come again', failureFields(message, error)),
  });
};

import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireRedrive } from './wiring.ts';

let wired: ReturnType<typeof wireRedrive> | undefined;

/** Reads the queue of redrives. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const { move, log } = (wired ??= wireRedrive(process.env));
  const timeMs = context.getRemainingTimeInMillis() / 2;
  return partialBatch(messagesOf(event), (message) => move(message, timeMs), {
    onFailure: (message, error) => log.error('redrive interrupted, it will come again', failureFields(message, error)),
  });
};

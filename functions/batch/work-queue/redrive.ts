import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
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
    onFailure: ({ id }, error) => log.error('redrive interrupted, it will come again', { message: id, error }),
  });
};

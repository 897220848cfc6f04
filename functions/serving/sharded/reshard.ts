import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireReshard } from './wiring.ts';

let wired: ReturnType<typeof wireReshard> | undefined;

/** Reads the queue of changes of the shards. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const { work, log } = (wired ??= wireReshard(process.env));
  const timeMs = context.getRemainingTimeInMillis() / 2;
  return partialBatch(messagesOf(event), (message) => work(message, timeMs), {
    onFailure: (message, error) => log.error('resharding interrupted, it will come again', { id: message.id, error }),
  });
};

import { failuresOf, messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireIndexer } from './wiring.ts';

/** A leaf that was begun has the rest of the time to end. */
const TIME_SHARE = 0.7;

let index: ReturnType<typeof wireIndexer> | undefined;

/** Reads the queue of documents. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  index ??= wireIndexer(process.env);
  return failuresOf(await index(messagesOf(event), context.getRemainingTimeInMillis() * TIME_SHARE));
};

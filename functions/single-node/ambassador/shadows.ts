import { failuresOf, messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireShadows } from './wiring.ts';

let send: ReturnType<typeof wireShadows> | undefined;

/** Reads the queue of shadow copies, and sends each to its service. None comes again. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const sendOne = (send ??= wireShadows(process.env));
  const limitMs = context.getRemainingTimeInMillis() * 0.8;
  await Promise.all(messagesOf(event).map((message) => sendOne(message, limitMs)));
  return failuresOf([]);
};

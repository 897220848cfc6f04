import { messagesOf, type PartialBatchAnswer, type SqsEvent } from 'distributed-patterns/batch/partial-batch';
import { wirePrinter } from './wiring.ts';

let print: ReturnType<typeof wirePrinter> | undefined;

/** Reads the queue of tickets to be printed. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  print ??= wirePrinter();
  // A second is left to record what was done.
  return print(messagesOf(event), context.getRemainingTimeInMillis() - 1_000);
};

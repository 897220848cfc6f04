import { failuresOf, messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireSplit } from './wiring.ts';

let split: ReturnType<typeof wireSplit> | undefined;

/** Reads the queue of traffic: messages, and events that a rule of the bus has put there. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  split ??= wireSplit(process.env);
  const { failedIds } = await split(messagesOf(event));
  return failuresOf(failedIds);
};

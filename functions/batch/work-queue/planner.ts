import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wirePlanner } from './wiring.ts';

let wired: ReturnType<typeof wirePlanner> | undefined;

/** Reads the queue of jobs. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const { plan, log } = (wired ??= wirePlanner(process.env));
  const timeMs = context.getRemainingTimeInMillis() / 2;
  return partialBatch(messagesOf(event), (message) => plan(message, timeMs), {
    onFailure: (message, error) => log.error('not planned, it will come again', failureFields(message, error)),
  });
};

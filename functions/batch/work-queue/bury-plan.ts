import { messagesOf, partialBatch, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { failureFields } from '#batch/work-queue/logged';
import { wireBuryPlan } from './wiring.ts';

let wired: ReturnType<typeof wireBuryPlan> | undefined;

/** Reads the queue of what could not be planned. */
export const handler = async (event: SqsEvent): Promise<PartialBatchAnswer> => {
  const { bury, log } = (wired ??= wireBuryPlan(process.env));
  return partialBatch(messagesOf(event), bury, {
    onFailure: (message, error) => log.error('not buried, it will come again', failureFields(message, error)),
  });
};

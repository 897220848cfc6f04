import { messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireWorker } from './wiring.ts';

/** What was done has to be recorded before the platform ends the invocation. */
const TIME_TO_RECORD = { share: 0.3, atMostMs: 3_000 } as const;

let wired: ReturnType<typeof wireWorker> | undefined;

/** Reads the queues of items. */
export const handler = async (
  event: SqsEvent,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const { work, sourceOf } = (wired ??= wireWorker(process.env));
  const remainingMs = context.getRemainingTimeInMillis();
  const recordingMs = Math.min(TIME_TO_RECORD.atMostMs, remainingMs * TIME_TO_RECORD.share);
  return work(messagesOf(event), remainingMs - recordingMs, sourceOf(event.Records[0]?.eventSourceARN ?? ''));
};

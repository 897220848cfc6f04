import { messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { wireStages } from './wiring.ts';

/** What was done has to be answered before the platform ends the invocation. */
const SHARE_OF_TIME = 0.5;

let wired: ReturnType<typeof wireStages> | undefined;

interface Delivered extends SqsEvent {
  readonly Records: readonly (SqsEvent['Records'][number] & { readonly eventSourceARN?: string })[];
}

/** Reads all queues of the pipelines: a batch is of one queue. */
export const handler = async (
  event: Delivered,
  context: { getRemainingTimeInMillis(): number },
): Promise<PartialBatchAnswer> => {
  const { batch, sourceOf } = (wired ??= wireStages(process.env));
  const name = event.Records[0]?.eventSourceARN?.split(':').at(-1) ?? '';
  const messages = messagesOf(event);
  const timeMs = context.getRemainingTimeInMillis() * SHARE_OF_TIME;
  if (name.endsWith('-events.fifo')) return batch.takeIn(messages, timeMs);
  if (name.endsWith('-merges.fifo')) return batch.merge(messages, timeMs);
  if (name.endsWith('-event-driven-undeliverable')) return batch.end(messages);
  return batch.runStage(messages, sourceOf(name));
};

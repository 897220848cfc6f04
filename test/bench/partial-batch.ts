/** Batches of ten records a second, handled one by one: ours, Powertools' and a bare `Promise.allSettled`. */
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { failuresOf, messagesOf, partialBatch } from '../../lib/batch/partial-batch.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, ratio, rounded } from './rounds.ts';

const RECORD_COUNT = 10;
const BATCH_COUNT = 4_000;
const ROUND_COUNT = 41;
const GOAL = 0.9;

const event = {
  Records: Array.from({ length: RECORD_COUNT }, (_, index) => ({
    messageId: crypto.randomUUID(),
    receiptHandle: crypto.randomUUID(),
    body: JSON.stringify({ id: index }),
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: '1700000000000',
      SenderId: 'bench',
      ApproximateFirstReceiveTimestamp: '1700000000000',
    },
    messageAttributes: {},
    md5OfBody: '0'.repeat(32),
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:bench',
    awsRegion: 'us-east-1',
  })),
};
const failing = event.Records[RECORD_COUNT - 1]?.messageId ?? '';
const failure = new Error('planned');

/** What every candidate has to do with a record: nothing, or to fail with one of the ten. */
const handlerOf =
  (failingId: string) =>
  async (id: string): Promise<void> => {
    if (id === failingId) throw failure;
  };

type Handle = ReturnType<typeof handlerOf>;
type Answer = { readonly batchItemFailures: readonly { readonly itemIdentifier: string }[] };

const bare = async (handle: Handle): Promise<Answer> => {
  const outcomes = await Promise.allSettled(event.Records.map(({ messageId }) => handle(messageId)));
  const failed: string[] = [];
  for (const [index, { status }] of outcomes.entries()) {
    const id = event.Records[index]?.messageId;
    if (status === 'rejected' && id !== undefined) failed.push(id);
  }
  return failuresOf(failed);
};

const processor = new BatchProcessor(EventType.SQS);

const perSecond = (answer: () => Promise<Answer>, failureCount: number) => async (): Promise<number> => {
  const startedMs = performance.now();
  for (let batch = 0; batch < BATCH_COUNT; batch += 1) {
    const { batchItemFailures } = await answer();
    if (batchItemFailures.length !== failureCount)
      throw new Error(`Expected ${failureCount} failures, got ${batchItemFailures.length}.`);
  }
  return (BATCH_COUNT * 1000) / (performance.now() - startedMs);
};

const candidatesOf = (failingId: string, failureCount: number) => {
  const handle = handlerOf(failingId);
  return [
    { name: 'Promise.allSettled', measure: perSecond(() => bare(handle), failureCount) },
    {
      name: 'partialBatch',
      measure: perSecond(() => partialBatch(messagesOf(event), ({ id }) => handle(id)), failureCount),
    },
    {
      name: 'powertools',
      measure: perSecond(
        () => processPartialResponse(event, ({ messageId }: { messageId: string }) => handle(messageId), processor),
        failureCount,
      ),
    },
  ];
};

export const benchmark: Benchmark = async (say) => {
  const well = await inRounds({ candidates: candidatesOf('none', 0), roundCount: ROUND_COUNT, say });
  const ill = await inRounds({
    candidates: candidatesOf(failing, 1),
    roundCount: ROUND_COUNT,
    say: (progress) => say(`one of ten fails, ${progress}`),
  });
  const base = 'Promise.allSettled';
  return {
    columns: ['candidate', 'batches/s', '× allSettled', 'one fails: batches/s', '× allSettled'],
    rows: Object.keys(well).map((name) => [
      name,
      rounded(median(well[name] ?? [])),
      rounded(ratio(well, name, base)),
      rounded(median(ill[name] ?? [])),
      rounded(ratio(ill, name, base)),
    ]),
    goals: [{ figure: 'partialBatch × allSettled', atLeast: GOAL, measured: ratio(well, 'partialBatch', base) }],
    remarks: [`${RECORD_COUNT} records a batch, a handler that does nothing; from the event to the answer.`],
  };
};

/** Consuming a queue with a handler for each message: API calls, and messages a second. */
import type { Benchmark } from './benchmark.ts';
import { consumerPerBatch, consumerPerMessage, runnerPerMessage, sdkPoller, type Consume } from './consumers.ts';
import { consumptionCalls, filledQueue, forkQueues, resetCalls, sqsClient } from './queues.ts';
import { inRounds, median, ratio, rounded, type Candidate } from './rounds.ts';

const MESSAGE_COUNT = 3000;
const ROUND_COUNT = 3;

const OURS = 'event source + partialBatch';
const BATCH_MODE = 'sqs-consumer, its batch mode';
const CANDIDATES: Readonly<Record<string, Consume>> = {
  [OURS]: runnerPerMessage,
  'sqs-consumer, a handler a message': consumerPerMessage,
  [BATCH_MODE]: consumerPerBatch,
  'SDK poller by hand': sdkPoller,
};

export const benchmark: Benchmark = async (say) => {
  const queues = await forkQueues();
  const client = sqsClient(queues.url);
  const callCounts = new Map<string, number[]>();

  const candidates = Object.entries(CANDIDATES).map(([name, consume], index): Candidate => ({
    name,
    measure: async (round) => {
      const queueName = `queue-${index}-${round}`;
      const queueUrl = await filledQueue(client, queueName, MESSAGE_COUNT);
      await resetCalls(queues.url);
      const startedMs = performance.now();
      const stop = await consume({ client, url: queues.url, queueName, queueUrl, messageCount: MESSAGE_COUNT });
      const tookMs = performance.now() - startedMs;
      await stop();
      const counts = callCounts.get(name) ?? [];
      callCounts.set(name, [...counts, (await consumptionCalls(queues.url)) / MESSAGE_COUNT]);
      return (MESSAGE_COUNT * 1000) / tookMs;
    },
  }));

  const rounds = await inRounds({ candidates, roundCount: ROUND_COUNT, say });
  client.destroy();
  await queues.close();
  const callsOf = (name: string): number => Math.max(...(callCounts.get(name) ?? []));
  return {
    columns: ['candidate', 'calls/message', 'messages/s', '× batch mode of sqs-consumer'],
    rows: Object.keys(rounds).map((name) => [
      name,
      callsOf(name).toFixed(2),
      rounded(median(rounds[name] ?? [])),
      rounded(ratio(rounds, name, BATCH_MODE)),
    ]),
    goals: [
      { figure: `API calls a message, ${OURS}`, atMost: 0.2, measured: callsOf(OURS) },
      { figure: `${OURS} × ${BATCH_MODE}`, atLeast: 2, measured: ratio(rounds, OURS, BATCH_MODE) },
    ],
    remarks: [
      `${MESSAGE_COUNT} messages a round, received in tens, a handler that does nothing; the queue in a process of its own.`,
      'Calls: receives that brought something, and deletes; the most of all rounds.',
    ],
  };
};

/** Messages a second through the event sources, a batch at a time: × a poller that is written with the SDK. */
import type { Benchmark } from './benchmark.ts';
import { runnerPerBatch, sdkPoller, type Consume } from './consumers.ts';
import { filledQueue, forkQueues, sqsClient, startQueues, type Queues } from './queues.ts';
import { inRounds, median, ratio, rounded, type Candidate } from './rounds.ts';

const MESSAGE_COUNT = 5000;
const ROUND_COUNT = 3;

const POLLER = 'SDK poller';
const APART = 'event source, queues in another process';
const BESIDE = 'event source, queues beside it (as in the stack)';

const measureAt = (queues: Queues, prefix: string, consume: Consume): Candidate['measure'] => {
  const client = sqsClient(queues.url);
  return async (round) => {
    const queueName = `${prefix}-${round}`;
    const queueUrl = await filledQueue(client, queueName, MESSAGE_COUNT);
    const startedMs = performance.now();
    const stop = await consume({ client, url: queues.url, queueName, queueUrl, messageCount: MESSAGE_COUNT });
    const tookMs = performance.now() - startedMs;
    await stop();
    return (MESSAGE_COUNT * 1000) / tookMs;
  };
};

export const benchmark: Benchmark = async (say) => {
  const apart = await forkQueues();
  const beside = await startQueues();
  const rounds = await inRounds({
    candidates: [
      { name: POLLER, measure: measureAt(apart, 'poller', sdkPoller) },
      { name: APART, measure: measureAt(apart, 'apart', runnerPerBatch) },
      { name: BESIDE, measure: measureAt(beside, 'beside', runnerPerBatch) },
    ],
    roundCount: ROUND_COUNT,
    say,
  });
  await beside.close();
  await apart.close();
  return {
    columns: ['candidate', 'messages/s', '× SDK poller'],
    rows: Object.keys(rounds).map((name) => [
      name,
      rounded(median(rounds[name] ?? [])),
      rounded(ratio(rounds, name, POLLER)),
    ]),
    goals: [
      { figure: `${APART} × ${POLLER}`, atLeast: 1.2, measured: ratio(rounds, APART, POLLER) },
      { figure: `${BESIDE} × ${POLLER}`, atLeast: 1.2, measured: ratio(rounds, BESIDE, POLLER) },
    ],
    remarks: [`${MESSAGE_COUNT} messages a round, in batches of ten, a handler that does nothing.`],
  };
};

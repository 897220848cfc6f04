/**
 * Messages per second through the event source runner, × a raw SDK poller, on the same queues: `node
 * test/bench/event-source-runner.ts`. Both call a handler that does nothing. The queues are in a process of their own,
 * then in the runner's (as in the embedded place). Prints the median of the rounds' ratios.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { mappingStore } from '../../localstack/event-sources/mapping-store.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import { quietLog } from '../support/probe-log.ts';
import { startQueues } from '../support/probe-queues.ts';

const MESSAGE_COUNT = 5000;
const BATCH_SIZE = 10;
const ROUNDS = 5;

const clientOf = (endpoint: string): SQSClient =>
  new SQSClient({
    endpoint,
    region: 'us-east-1',
    useQueueUrlAsEndpoint: false,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });

const filledQueue = async (client: SQSClient, name: string): Promise<string> => {
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({ QueueName: name, Attributes: { VisibilityTimeout: '60' } }),
  );
  for (let sent = 0; sent < MESSAGE_COUNT; sent += BATCH_SIZE) {
    const Entries = Array.from({ length: BATCH_SIZE }, (_, i) => ({
      Id: String(i),
      MessageBody: JSON.stringify({ id: sent + i }),
    }));
    await client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
  }
  return QueueUrl;
};

const perSecond = (startedMs: number): number => (MESSAGE_COUNT * 1000) / (performance.now() - startedMs);

const sdkPoller = async (client: SQSClient, name: string): Promise<number> => {
  const QueueUrl = await filledQueue(client, name);
  const startedMs = performance.now();
  for (let done = 0; done < MESSAGE_COUNT;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: BATCH_SIZE,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    const Entries = Messages.map((message, i) => ({ Id: String(i), ReceiptHandle: message.ReceiptHandle }));
    if (Entries.length > 0) await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    done += Entries.length;
  }
  return perSecond(startedMs);
};

const runner = async (client: SQSClient, endpointUrl: string, name: string): Promise<number> => {
  await filledQueue(client, name);
  const mappings = mappingStore();
  const finished = Promise.withResolvers<void>();
  let done = 0;
  const startedMs = performance.now();
  const sources = startEventSources({
    endpointUrl,
    mappings,
    invoke: async (_, payload) => {
      const event = JSON.parse(payload) as { readonly Records: readonly unknown[] };
      done += event.Records.length;
      if (done >= MESSAGE_COUNT) finished.resolve();
      return { status: 'answered', payload: 'null' };
    },
    hostIsUp: () => true,
    log: quietLog,
  });
  mappings.put({
    mapping: {
      uuid: name,
      functionName: 'noop',
      eventSourceArn: `arn:aws:sqs:us-east-1:000000000000:${name}`,
      enabled: true,
      batchSize: BATCH_SIZE,
      maximumBatchingWindowS: 0,
      reportBatchItemFailures: true,
      filterPatterns: [],
    },
    modifiedAtMs: 0,
  });
  await finished.promise;
  const result = perSecond(startedMs);
  await sources.stop();
  return result;
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const main = async (): Promise<void> => {
  const child = fork(fileURLToPath(import.meta.url), ['queues']);
  const [remoteUrl] = (await once(child, 'message')) as [string];
  const own = await startQueues();
  const remoteRatios: number[] = [];
  const ownRatios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const sdk = await sdkPoller(clientOf(remoteUrl), `sdk-${round}`);
    const apart = await runner(clientOf(remoteUrl), remoteUrl, `apart-${round}`);
    const together = await runner(clientOf(own.url), own.url, `together-${round}`);
    remoteRatios.push(apart / sdk);
    ownRatios.push(together / sdk);
    console.log(
      `round ${round + 1}: SDK poller ${sdk.toFixed(0)}/s, runner ${apart.toFixed(0)}/s, beside its queues ${together.toFixed(0)}/s`,
    );
  }
  console.log(
    `runner × SDK poller: ${median(remoteRatios).toFixed(2)}; beside its queues: ${median(ownRatios).toFixed(2)}`,
  );
  await own.close();
  child.disconnect();
};

if (process.argv[2] === 'queues') {
  const queues = await startQueues();
  process.send?.(queues.url);
  process.once('disconnect', () => process.exit());
} else {
  await main();
}

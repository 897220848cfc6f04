import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { EventSourceMapping } from '#event-sources/mapping';
import type { Invoke } from '../../localstack/event-sources/invocation.ts';
import { mappingStore } from '../../localstack/event-sources/mapping-store.ts';
import type { MappingStore } from '../../localstack/event-sources/mapping-store.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import type { EventSources, EventSourcesOptions } from '../../localstack/event-sources/runner.ts';
import { quietLog } from './probe-log.ts';
import { startQueues } from './probe-queues.ts';
import type { Interference, QueueCall, Queues } from './probe-queues.ts';

interface SeenRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A world for one test: queues, a client, event sources; everything ends with the test. */
export interface World {
  readonly queues: Queues;
  readonly store: MappingStore;
  readonly seen: (readonly SeenRecord[])[];
  create(name: string, attributes?: Readonly<Record<string, string>>): Promise<void>;
  send(name: string, bodies: readonly string[]): Promise<void>;
  count(name: string, state: 'visible' | 'all'): Promise<number>;
  map(queueName: string, extra?: Partial<EventSourceMapping>): void;
  start(options?: Partial<EventSourcesOptions>): EventSources;
}

const ended: (() => Promise<void>)[] = [];

/** Ends every world; to be called after each test. */
export const endWorlds = async (): Promise<void> => {
  for (const end of ended.splice(0).toReversed()) await end();
};

const recordsOf = (payload: string): readonly SeenRecord[] =>
  (JSON.parse(payload) as { readonly Records: readonly SeenRecord[] }).Records;

/** A function that is content with everything. */
export const succeed: Invoke = async () => ({ status: 'answered', payload: '{"batchItemFailures":[]}' });

/** A world whose queues `interfere` may answer for, and whose functions answer as `answer` does. */
export const world = async (
  options: { readonly interfere?: (call: QueueCall) => Interference; readonly answer?: Invoke } = {},
): Promise<World> => {
  const queues = await startQueues(options.interfere ?? (() => undefined));
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const sqs = new SQSClient({ endpoint: queues.url, region: 'us-east-1', credentials, useQueueUrlAsEndpoint: false });
  ended.push(async () => {
    sqs.destroy();
    await queues.close();
  });
  const store = mappingStore();
  const seen: (readonly SeenRecord[])[] = [];
  const answer = options.answer ?? succeed;
  return {
    queues,
    store,
    seen,
    create: async (QueueName, attributes = {}) => {
      await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '1', ...attributes } }));
    },
    send: async (name, bodies) => {
      const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl: `${queues.url}/000000000000/${name}`, Entries }));
    },
    count: async (name, state) => {
      const QueueUrl = `${queues.url}/000000000000/${name}`;
      const { Attributes = {} } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
      const visible = Number(Attributes.ApproximateNumberOfMessages);
      return state === 'visible' ? visible : visible + Number(Attributes.ApproximateNumberOfMessagesNotVisible);
    },
    map: (queueName, extra = {}) => {
      const mapping = {
        uuid: `of-${queueName}`,
        functionName: 'worker',
        eventSourceArn: `arn:aws:sqs:us-east-1:000000000000:${queueName}`,
        enabled: true,
        batchSize: 10,
        maximumBatchingWindowS: 0,
        reportBatchItemFailures: true,
        filterPatterns: [],
        ...extra,
      };
      store.put({ mapping, modifiedAtMs: 0 });
    },
    start: (extra = {}) => {
      const sources = startEventSources({
        endpointUrl: queues.url,
        mappings: store,
        hostIsUp: () => true,
        log: quietLog,
        invoke: (name, payload) => {
          seen.push(recordsOf(payload));
          return answer(name, payload);
        },
        ...extra,
      });
      ended.push(() => sources.stop());
      return sources;
    },
  };
};

/** The calls of one operation so far. */
export const callsOf = (queues: Queues, operation: string): readonly QueueCall[] =>
  queues.calls.filter((call) => call.operation === operation);

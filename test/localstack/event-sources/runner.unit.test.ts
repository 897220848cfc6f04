import { CreateQueueCommand, GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { EventSourceMapping } from '#event-sources/mapping';
import type { Invoke } from '../../../localstack/event-sources/invocation.ts';
import { mappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import type { MappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import { startEventSources } from '../../../localstack/event-sources/runner.ts';
import type { EventSources, EventSourcesOptions } from '../../../localstack/event-sources/runner.ts';
import { quietLog } from '../../support/probe-log.ts';
import { eventually } from '../../support/probe-place.ts';
import { startQueues } from '../../support/probe-queues.ts';
import type { Interference, QueueCall, Queues } from '../../support/probe-queues.ts';

interface SeenRecord {
  readonly messageId: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A world for one test: queues, a client, event sources; everything ends with the test. */
interface World {
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
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end();
});

const recordsOf = (payload: string): readonly SeenRecord[] =>
  (JSON.parse(payload) as { readonly Records: readonly SeenRecord[] }).Records;

const succeed: Invoke = async () => ({ status: 'answered', payload: '{"batchItemFailures":[]}' });

const world = async (
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

const callsOf = (queues: Queues, operation: string): readonly QueueCall[] =>
  queues.calls.filter((call) => call.operation === operation);

describe('survival', () => {
  test('errors in receive, lost connections and answers that are no JSON never stop the poller', async () => {
    const troubles: Interference[] = [
      { status: 500, body: '{}' },
      'drop',
      { status: 200, body: 'no JSON' },
      { status: 400, body: '{"__type":"x#Y"}' },
    ];
    const it = await world({
      interfere: (call) => (call.operation === 'ReceiveMessage' ? troubles.shift() : undefined),
    });
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    it.start();
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
    expect(troubles).toEqual([]);
    expect(it.seen).toHaveLength(1);
  });

  test('a queue that does not exist yet is waited for', async () => {
    const it = await world();
    it.map('q');
    it.start();
    await eventually('it was asked for', () => callsOf(it.queues, 'GetQueueUrl').length >= 2);
    await it.create('q');
    await it.send('q', ['1']);
    await eventually('it is done', () => it.seen.length === 1);
  });

  test('an idle poller goes on polling, and takes what comes then', async () => {
    const it = await world();
    await it.create('q');
    it.map('q');
    it.start();
    await eventually('it came back empty often', () => callsOf(it.queues, 'ReceiveMessage').length > 3);
    await it.send('q', ['1']);
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
  });

  const troublesome: readonly (readonly [string, Invoke])[] = [
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'throws before it returns a promise',
      () => {
        throw new Error('broken');
      },
    ],
    ['rejects with nothing', () => Promise.reject(undefined)],
    ['fails', async () => ({ status: 'failed', errorType: 'Error', message: '' })],
    ['answers what nobody can read', async () => ({ status: 'answered', payload: '{{' })],
  ];

  test.each(troublesome)('an invocation that %s fails its batch, and no more', async (_, first) => {
    let attempts = 0;
    const it = await world({
      answer: (name, payload) => {
        attempts += 1;
        return attempts === 1 ? first(name, payload) : succeed(name, payload);
      },
    });
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    it.start();
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
    expect(it.seen.flat().map((record) => record.attributes.ApproximateReceiveCount)).toEqual(['1', '2']);
  });

  test('a mapping that cannot be polled does not keep others from it', async () => {
    const it = await world();
    await it.create('q');
    await it.send('q', ['1']);
    it.map('broken', { filterPatterns: ['no pattern'] });
    it.map('wrong', { eventSourceArn: 'arn:aws:sns:us-east-1:000000000000:t' });
    it.map('q');
    it.start();
    await eventually('it is done', () => it.seen.length === 1);
  });
});

describe('the function host', () => {
  test('nothing is received while no host is up: receives count towards the dead-letter queue', async () => {
    const it = await world();
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    let asked = 0;
    let up = false;
    it.start({
      hostIsUp: () => {
        asked += 1;
        return up;
      },
    });
    await eventually('the host was asked for several times', () => asked > 3);
    expect(callsOf(it.queues, 'ReceiveMessage')).toEqual([]);
    up = true;
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
    expect(it.seen.flat().map((record) => record.attributes.ApproximateReceiveCount)).toEqual(['1']);
  });

  test('a batch whose host went away while it was received waits for the host', async () => {
    let up = true;
    let asked = 0;
    let receives = 0;
    const it = await world({
      interfere: (call) => {
        if (call.operation === 'ReceiveMessage') receives += 1;
        if (receives === 1) up = false;
        return undefined;
      },
    });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1']);
    it.map('q');
    it.start({
      hostIsUp: () => {
        if (!up) asked += 1;
        return up;
      },
    });
    await eventually('the host was asked for several times', () => asked > 6);
    expect(it.seen).toEqual([]);
    expect(receives).toBe(1);
    receives += 1;
    up = true;
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
    expect(it.seen.flat().map((record) => record.attributes.ApproximateReceiveCount)).toEqual(['1']);
  });
});

describe('throttling', () => {
  test('a throttled batch is tried again, without another receive', async () => {
    let attempts = 0;
    const it = await world({
      answer: async (name, payload) => {
        attempts += 1;
        return attempts <= 3 ? { status: 'throttled' } : succeed(name, payload);
      },
    });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1', '2']);
    it.map('q');
    it.start();
    await eventually('both are done', async () => (await it.count('q', 'all')) === 0);
    expect(it.seen).toHaveLength(4);
    expect(new Set(it.seen.flat().map((record) => record.attributes.ApproximateReceiveCount))).toEqual(new Set(['1']));
  });

  test('a throttled batch is tried again until its visibility ends, and comes again then', async () => {
    const it = await world({ answer: async () => ({ status: 'throttled' }) });
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    it.start();
    const receives = (): readonly (string | undefined)[] =>
      it.seen.flat().map((record) => record.attributes.ApproximateReceiveCount);
    await eventually('it came again', () => receives().includes('2'));
    expect(receives().filter((count) => count === '1').length).toBeGreaterThan(1);
  });
});

describe('deletes', () => {
  test('what DeleteMessageBatch could not delete is deleted again, and only that', async () => {
    let first = true;
    const it = await world({
      interfere: (call) => {
        if (call.operation !== 'DeleteMessageBatch' || !first) return undefined;
        first = false;
        // Nothing is deleted, half of it is reported.
        const body = JSON.stringify({
          Successful: [{ Id: '0' }],
          Failed: [{ Id: '1', Code: 'InternalError', SenderFault: false }],
        });
        return { status: 200, body };
      },
    });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1', '2']);
    it.map('q');
    it.start();
    await eventually('the second is deleted', async () => (await it.count('q', 'all')) === 1);
    const [one, two, ...more] = callsOf(it.queues, 'DeleteMessageBatch').map(
      (call) => call.input.Entries as { readonly ReceiptHandle: string }[],
    );
    expect(more).toEqual([]);
    expect(one).toHaveLength(2);
    expect(two?.map((entry) => entry.ReceiptHandle)).toEqual([one?.[1]?.ReceiptHandle]);
  });

  test('a delete that is never answered is given up, and the message comes again', async () => {
    let refused = 0;
    const it = await world({
      interfere: (call) => {
        if (call.operation !== 'DeleteMessageBatch' || refused >= 5) return undefined;
        refused += 1;
        return 'drop';
      },
    });
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    it.start();
    await eventually('it is done', async () => (await it.count('q', 'all')) === 0);
    expect(refused).toBe(5);
    expect(it.seen.length).toBeGreaterThan(1);
  });

  test('never an empty delete batch', async () => {
    const it = await world({ answer: async () => ({ status: 'failed', errorType: 'Error', message: '' }) });
    await it.create('q');
    await it.send('q', ['1']);
    it.map('q');
    it.start();
    await eventually('it failed twice', () => it.seen.length === 2);
    expect(callsOf(it.queues, 'DeleteMessageBatch')).toEqual([]);
  });
});

describe('stop', () => {
  test('drains what is in flight: it is waited for and deleted, and nothing is received any more', async () => {
    const release = Promise.withResolvers<void>();
    const it = await world({
      answer: async (name, payload) => {
        await release.promise;
        return succeed(name, payload);
      },
    });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1']);
    it.map('q');
    const sources = it.start();
    await eventually('it runs', () => it.seen.length === 1);
    const stopped = sources.stop();
    await it.send('q', ['2']);
    release.resolve();
    await stopped;
    expect(await it.count('q', 'visible')).toBe(1);
    expect(await it.count('q', 'all')).toBe(1);
    expect(it.seen).toHaveLength(1);
  });

  test('is bounded, although an invocation never ends', async () => {
    const it = await world({ answer: () => new Promise(() => undefined) });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1']);
    it.map('q');
    const sources = it.start({ drainMs: 50 });
    await eventually('it runs', () => it.seen.length === 1);
    await sources.stop();
    expect(await it.count('q', 'all')).toBe(1);
  });

  test('gives back at once what was received and not handed over', async () => {
    const it = await world();
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1', '2']);
    it.map('q', { maximumBatchingWindowS: 300 });
    const sources = it.start();
    await eventually('both are received', async () => (await it.count('q', 'visible')) === 0);
    await sources.stop();
    expect(await it.count('q', 'visible')).toBe(2);
    expect(it.seen).toEqual([]);
  });

  test('gives back at once what is throttled', async () => {
    const it = await world({ answer: async () => ({ status: 'throttled' }) });
    await it.create('q', { VisibilityTimeout: '30' });
    await it.send('q', ['1']);
    it.map('q');
    const sources = it.start();
    await eventually('it was throttled', () => it.seen.length > 0);
    await sources.stop();
    expect(await it.count('q', 'visible')).toBe(1);
  });
});

describe('the store', () => {
  test('is followed: a changed mapping is polled as it is now, a disabled or deleted one is not polled', async () => {
    const it = await world();
    await it.create('q', { VisibilityTimeout: '30' });
    const polls = async (): Promise<number> => {
      const before = callsOf(it.queues, 'ReceiveMessage').length;
      await new Promise((resolve) => setTimeout(resolve, 1500));
      return callsOf(it.queues, 'ReceiveMessage').length - before;
    };
    it.start();
    it.map('q', { batchSize: 1 });
    await it.send('q', ['1', '2']);
    await eventually('they are done one by one', () => it.seen.length === 2);
    it.map('q', { enabled: false });
    await eventually('polling ended', async () => (await polls()) === 0);
    await it.send('q', ['3', '4']);
    it.map('q', { batchSize: 10 });
    await eventually('both are done', async () => (await it.count('q', 'all')) === 0);
    it.map('q', { batchSize: 1 });
    // The former poller may take one of these with its last receive: it gives it back.
    await it.send('q', ['5', '6']);
    await eventually('these are done', async () => (await it.count('q', 'all')) === 0);
    expect(it.seen.map((batch) => batch.length)).toEqual([1, 1, 2, 1, 1]);
    it.store.delete('of-q');
    await eventually('polling ended', async () => (await polls()) === 0);
  });
});

test.each([
  'https://sqs.us-east-1.amazonaws.com',
  'http://10.0.0.1:4566',
  'http://localhost.example.com',
  'http://127.0.0.1.example.com',
  '',
  'file:///x',
])('an endpoint that is not loopback is never polled: %j', async (endpointUrl) => {
  const store = mappingStore();
  expect(() =>
    startEventSources({ endpointUrl, mappings: store, hostIsUp: () => true, log: quietLog, invoke: succeed }),
  ).toThrow("Expected 'endpointUrl' to be an http address on loopback");
});

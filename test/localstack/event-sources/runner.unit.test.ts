import { mappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import { startEventSources } from '../../../localstack/event-sources/runner.ts';
import { quietLog } from '../../support/probe-log.ts';
import { eventually } from '../../parity/wait.ts';
import { callsOf, endWorlds, succeed, world } from '../../support/probe-world.ts';

afterEach(endWorlds);

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

import type { Invoke } from '../../../localstack/event-sources/invocation.ts';
import { eventually } from '../../parity/wait.ts';
import type { Interference } from '../../support/probe-queues.ts';
import { callsOf, endWorlds, succeed, world } from '../../support/probe-world.ts';

afterEach(endWorlds);

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

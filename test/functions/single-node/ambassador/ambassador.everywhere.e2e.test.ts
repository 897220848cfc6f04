import { randomUUID } from 'node:crypto';
import { DeleteMessageCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { until } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';
import { ambassador } from './services.ts';

const PATIENCE_MS = 90_000;
const TEST_MS = 2 * PATIENCE_MS;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const fresh = (): string => `s-${randomUUID().slice(0, 8)}`;

/** The two services of the stack itself, under new names. */
const register = async (): Promise<{ readonly stable: string; readonly canary: string }> => {
  const { put } = ambassador(place.info);
  const names = { stable: fresh(), canary: fresh() };
  for (const service of ['stable', 'canary'] as const)
    await put(`/services/${names[service]}`, {
      target: `${place.info.apiUrl}/ambassador-${service}`,
      timeoutMs: 8_000,
    });
  return names;
};

test(
  'a request by name arrives with its method, path, query and body, and is answered by the service',
  async () => {
    const { ask } = ambassador(place.info);
    const { stable } = await register();
    const answer = await ask('POST', `/broker/${stable}/a/b%20c?x=1&y=%C3%A9`, {
      body: 'not JSON',
      headers: { 'content-type': 'text/plain', 'x-deadline-ms': '6000' },
    });
    expect([answer.status, answer.json]).toEqual([
      200,
      expect.objectContaining({
        service: 'stable',
        method: 'POST',
        path: expect.stringMatching(/^\/a\/b(%20| )c$/),
        query: 'x=1&y=%C3%A9',
        body: 'not JSON',
      }),
    ]);
    const { deadlineMs } = answer.json as { deadlineMs: number };
    expect(deadlineMs).toBeLessThanOrEqual(6_000);
    // Cookies are handed on as they are, also those that some parsers refuse.
    expect((await ask('GET', `/broker/${stable}/x`, { headers: { cookie: '=; a="b;c"' } })).status).toBe(200);
    expect((await ask('GET', `/broker/${stable}/status/404`)).status).toBe(404);
    expect((await ask('GET', `/broker/${fresh()}/x`)).status).toBe(404);
  },
  TEST_MS,
);

test(
  'nothing but what was registered can be called, and no address inside of a network can be registered',
  async () => {
    const { ask } = ambassador(place.info);
    const headers = { authorization: `Bearer ${place.info.adminToken}` };
    for (const target of [
      'http://2130706433',
      'http://0x7f.1',
      'http://[::ffff:7f00:1]',
      'http://localhost.',
      'http://169.254.169.254',
      'http://127.0.0.1:1',
    ])
      expect((await ask('PUT', `/services/${fresh()}`, { headers, body: { target } })).status).toBe(400);
    expect((await ask('PUT', `/services/${fresh()}`, { body: { target: 'http://example.com' } })).status).toBe(401);
    expect((await ask('GET', '/broker/127.0.0.1/x')).status).toBe(404);
  },
  TEST_MS,
);

test(
  'users are split by their header, stay where they are, and are counted',
  async () => {
    const { ask, put } = ambassador(place.info);
    const { stable, canary } = await register();
    const name = fresh();
    const variants = [stable, canary].map((service) => ({ service, weight: 50 }));
    await put(`/experiments/${name}`, { variants, stickyBy: 'header:x-user', shadow: canary });
    const variantsOf = async (): Promise<(string | null)[]> => {
      const found = [];
      for (let user = 0; user < 20; user += 1) {
        const answer = await ask('GET', `/split/${name}/x`, { headers: { 'x-user': `u${user}` } });
        expect(answer.status).toBe(200);
        found.push(answer.headers.get('x-variant'));
      }
      return found;
    };
    const first = await variantsOf();
    expect(new Set(first)).toEqual(new Set([stable, canary]));
    expect(await variantsOf()).toEqual(first);
    const { counts } = (await ask('GET', `/experiments/${name}`)).json as {
      counts: Record<string, { requests: number }>;
    };
    // Of the hosts that have written theirs.
    expect(counts[stable]?.requests ?? 0).toBeGreaterThan(0);
  },
  TEST_MS,
);

test(
  'a value is found by the shard that its key belongs to',
  async () => {
    const { ask } = ambassador(place.info);
    const key = fresh();
    const put = await ask('PUT', `/shards/${key}`, { body: { value: { a: [1] } } });
    const got = await ask('GET', `/shards/${key}`);
    expect([put.status, got.status, got.json]).toEqual([200, 200, { key, value: { a: [1] } }]);
    expect(got.headers.get('x-shard')).toBe(put.headers.get('x-shard'));
    expect((await ask('GET', `/shards/${fresh()}`)).status).toBe(404);
  },
  TEST_MS,
);

test(
  'messages are split over the queues of the variants',
  async () => {
    const { put } = ambassador(place.info);
    await put('/experiments/traffic', {
      variants: ['stable', 'canary'].map((service) => ({ service, weight: 50 })),
      stickyBy: 'header:user',
    });
    const mark = fresh();
    const QueueUrl = place.queue('ambassador-traffic');
    for (let user = 0; user < 12; user += 1)
      await place.sqs.send(
        new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ user: `u${user}`, mark }) }),
      );
    const found = new Map<string, string>();
    const take = async (variant: string): Promise<void> => {
      const url = place.queue(`ambassador-${variant}`);
      const { Messages = [] } = await place.sqs.send(
        new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] }),
      );
      for (const { Body = '', MessageAttributes, ReceiptHandle } of Messages) {
        await place.sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }));
        const body = JSON.parse(Body) as { user: string; mark: string };
        expect(MessageAttributes?.['variant']?.StringValue).toBe(variant);
        if (body.mark === mark) found.set(body.user, variant);
      }
    };
    await until(
      async () => {
        await take('stable');
        await take('canary');
        return found.size;
      },
      (size) => size === 12,
      PATIENCE_MS,
      250,
    );
    expect(new Set(found.values())).toEqual(new Set(['stable', 'canary']));
  },
  TEST_MS,
);

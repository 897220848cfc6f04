import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { askPatiently, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

const PATIENCE_MS = 240_000;

interface Status {
  readonly status: string;
  readonly epoch: number;
  readonly plan?: { readonly shard: string };
}
interface Shards {
  readonly shards: readonly { readonly name: string }[];
}

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const ask = (method: string, path: string, body?: object): Promise<HttpAnswer> => {
  const headers = { authorization: `Bearer ${place.info.adminToken}` };
  return askPatiently(method, `${place.info.apiUrl}/sharded${path}`, { headers, body }, PATIENCE_MS);
};
const idle = (): Promise<Status> =>
  until(
    async () => (await ask('GET', '/resharding')).json as Status,
    ({ status }) => status === 'idle',
    PATIENCE_MS,
    500,
  );
const names = async (): Promise<readonly string[]> =>
  ((await ask('GET', '/shards')).json as Shards).shards.map(({ name }) => name);

test('a value is put, got and deleted; every answer names the shard', async () => {
  const key = randomUUID();
  const put = await ask('PUT', `/cache/${key}`, { value: { n: [1, 'two', null] } });
  expect(put.status).toBe(200);
  const shard = put.headers.get('x-shard');
  const got = await ask('GET', `/cache/${key}`);
  expect(got.json).toEqual({ key, value: { n: [1, 'two', null] } });
  expect(got.headers.get('x-shard')).toBe(shard);
  expect((await ask('GET', `/explain/${key}`)).json).toMatchObject({ key, shard });
  expect((await ask('DELETE', `/cache/${key}`)).status).toBe(204);
  expect((await ask('GET', `/cache/${key}`)).status).toBe(404);
}, 120_000);

test(
  'a shard is added and removed while keys are read and written: none is lost',
  async () => {
    await idle();
    const name = `e2e-${randomUUID().slice(0, 8)}`;
    const prefix = randomUUID();
    const keys = Array.from({ length: 24 }, (_, at) => `${prefix}-${at}`);
    for (const key of keys) expect((await ask('PUT', `/cache/${key}`, { value: 0 })).status).toBe(200);
    const added = await ask('POST', '/shards', { name });
    expect(added.status).toBe(202);
    for (const [at, key] of keys.entries())
      if (at % 2 === 0) expect((await ask('PUT', `/cache/${key}`, { value: 1 })).status).toBe(200);
    await idle();
    expect(await names()).toContain(name);
    for (const [at, key] of keys.entries())
      expect((await ask('GET', `/cache/${key}`)).json).toEqual({ key, value: at % 2 === 0 ? 1 : 0 });
    expect((await ask('DELETE', `/shards/${name}`)).status).toBe(202);
    await idle();
    expect(await names()).not.toContain(name);
    for (const key of keys) expect((await ask('GET', `/cache/${key}`)).status).toBe(200);
  },
  2 * PATIENCE_MS,
);

test(
  'a message adds a shard as the route does',
  async () => {
    await idle();
    const name = `msg-${randomUUID().slice(0, 8)}`;
    const send = (body: object) =>
      place.sqs.send(
        new SendMessageCommand({ QueueUrl: place.queue('sharded-shards'), MessageBody: JSON.stringify(body) }),
      );
    await send({ name, weight: 0.1 });
    await until(names, (all) => all.includes(name), PATIENCE_MS, 500);
    await send({ name, kind: 'remove' });
    await until(names, (all) => !all.includes(name), PATIENCE_MS, 500);
  },
  2 * PATIENCE_MS,
);

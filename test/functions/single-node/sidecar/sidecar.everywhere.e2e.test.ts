import { GetItemCommand, PutItemCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** SYNC_INTERVAL_MS is 10 s unless told, and there may be several instances of the function. */
const PATIENCE_MS = 90_000;
const TEST_MS = 3 * PATIENCE_MS;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

interface Legacy {
  readonly answer: { readonly says: string; readonly settings: number };
  readonly configVersion: number;
  readonly programVersion: string;
}

const call = (method: string, path: string, body?: unknown, isAdmin = true): Promise<HttpAnswer> =>
  http(method, `${place.info.apiUrl}/sidecar${path}`, {
    ...(body === undefined ? {} : { body }),
    headers: isAdmin ? { authorization: `Bearer ${place.info.adminToken}` } : {},
  });
const legacy = async (): Promise<Legacy> => {
  const answer = await until(
    () => call('GET', '/legacy?name=Ann'),
    ({ status }) => status === 200,
    PATIENCE_MS,
    250,
  );
  return answer.json as Legacy;
};
const put = async (value: object): Promise<number> => {
  const answer = await call('PUT', '/config/legacy', { value });
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 });
  return (answer.json as { version: number }).version;
};
/** Until the program runs by this version or a newer one. */
const runsBy = (version: number): Promise<Legacy> =>
  until(legacy, ({ configVersion }) => configVersion >= version, PATIENCE_MS, 250);

const Key = { pk: { S: 'config/legacy' }, sk: { S: 'config' } };
const stored = async (): Promise<Record<string, AttributeValue>> => {
  const TableName = place.table('sidecar-config');
  const { Item = {} } = await place.dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item;
};
const store = async (Item: Record<string, AttributeValue>): Promise<void> => {
  await place.dynamodb.send(new PutItemCommand({ TableName: place.table('sidecar-config'), Item }));
};

test(
  'a configuration that is put reaches the program that knows nothing of it',
  async () => {
    const greeting = `Good day ${Date.now()}`;
    const version = await put({ greeting, repeat: 2 });
    expect((await call('GET', '/config/legacy')).json).toEqual({
      name: 'legacy',
      version,
      value: { greeting, repeat: 2 },
    });
    const { answer, configVersion } = await runsBy(version);
    expect(answer).toEqual({ says: `${greeting} ${greeting}, Ann!`, settings: version });
    expect(configVersion).toBe(version);
  },
  TEST_MS,
);

test(
  'an invalid configuration is refused with its fields, and changes nothing',
  async () => {
    const version = await put({ greeting: `Valid ${Date.now()}` });
    const bad = await call('PUT', '/config/legacy', { value: { greeting: '', repeat: 11, more: 1 } });
    expect(bad.status).toBe(400);
    expect(bad.headers.get('content-type')).toBe('application/problem+json');
    const { errors } = bad.json as { errors: Record<string, readonly string[]> };
    expect(Object.keys(errors).toSorted()).toEqual(['value.greeting', 'value.more', 'value.repeat']);
    expect((await call('GET', '/config/legacy')).json).toMatchObject({ version });
    expect((await runsBy(version)).configVersion).toBe(version);
  },
  TEST_MS,
);

test(
  'what comes into the table on another way is looked at too: nothing invalid and nothing older reaches the program',
  async () => {
    const greeting = `Last good ${Date.now()}`;
    const version = await put({ greeting });
    await runsBy(version);
    const good = await stored();

    await store({ ...good, version: { N: `${version + 1}` }, value: { M: { greeting: { N: '7' } } } });
    await store({ ...good, version: { N: `${version - 1}` }, value: { M: { greeting: { S: 'older' } } } });
    await store({ ...good, version: { N: `${version + 1}` }, value: { M: { greeting: { N: '7' } } } });
    // Longer than two intervals, with calls all the time.
    const untilMs = performance.now() + 22_000;
    await until(
      async () => {
        expect(await legacy()).toMatchObject({ configVersion: version, answer: { says: `${greeting}, Ann!` } });
        return performance.now();
      },
      (nowMs) => nowMs > untilMs,
      PATIENCE_MS,
      500,
    );
    // The next good one is newer than the bad one, and gets through.
    const next = await put({ greeting: 'Mended' });
    expect(next).toBe(version + 2);
    expect((await runsBy(next)).answer.says).toBe('Mended, Ann!');
  },
  TEST_MS,
);

test('the same value keeps its version, and an expected version that is not there is a conflict', async () => {
  const value = { greeting: `Same ${Date.now()}` };
  const version = await put(value);
  expect(await put(value)).toBe(version);
  const conflict = await call('PUT', '/config/legacy', { value: { greeting: 'x' }, expectedVersion: version - 1 });
  expect(conflict.status).toBe(409);
  const right = await call('PUT', '/config/legacy', { value: { greeting: 'Right' }, expectedVersion: version });
  expect(right.json).toEqual({ name: 'legacy', version: version + 1 });
});

test('who is not admin changes nothing; what is not there is 404; other methods are 405', async () => {
  const value = { greeting: 'Intruder' };
  expect((await call('PUT', '/config/legacy', { value }, false)).status).toBe(401);
  expect((await call('POST', '/sync', undefined, false)).status).toBe(401);
  expect((await call('GET', '/config/nobody-put-this')).status).toBe(404);
  expect((await call('DELETE', '/config/legacy')).status).toBe(405);
  expect((await call('GET', '/nothing')).status).toBe(404);
});

test('without a repository there is nothing to sync with, and the answer says so', async () => {
  const answer = await call('POST', '/sync');
  expect(answer.status).toBe(409);
  expect(answer.text).toContain('SIDECAR_REPOSITORY');
});

test('what the program and the function use is told', async () => {
  await legacy();
  const { status, json } = await call('GET', '/topz');
  expect(status).toBe(200);
  const { program, function: own } = json as Record<string, { memory: { residentBytes: number }; pid: number }>;
  expect(program?.memory.residentBytes).toBeGreaterThan(1_000_000);
  expect(own?.memory.residentBytes).toBeGreaterThan(1_000_000);
  expect(program?.pid).not.toBe(own?.pid);
});

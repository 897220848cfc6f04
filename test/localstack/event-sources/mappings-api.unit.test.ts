import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { mappingUuid } from '../../../localstack/event-sources/mapping-uuid.ts';
import { mappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import type { MappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import { mappingsApi } from '../../../localstack/event-sources/mappings-api.ts';
import type { MappingsResponse } from '../../../localstack/event-sources/mappings-api.ts';

const arn = (name: string): string => `arn:aws:sqs:us-east-1:000000000000:${name}`;

const api = (): {
  readonly store: MappingStore;
  call(
    method: string,
    path: string,
    body?: unknown,
    query?: Readonly<Record<string, string>>,
  ): Promise<MappingsResponse>;
  create(queue: string, fn?: string, extra?: object): Promise<MappingsResponse>;
} => {
  const store = mappingStore();
  const handle = mappingsApi({
    store,
    clock: memoryClock({ startMs: 1_700_000_000_000 }),
    random: seededRandom(1),
    queueAttributes: async () => ({ visibilityTimeoutS: 30 }),
    streamExists: async (stream) => !stream.includes('nowhere'),
    functionTimeoutS: (name) => (name.startsWith('fn') ? 5 : undefined),
  });
  const call: ReturnType<typeof api>['call'] = (method, path, body, query = {}) =>
    handle({
      method,
      path: `/2015-03-31/event-source-mappings${path}`,
      query,
      body: typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body),
    });
  return {
    store,
    call,
    create: (queue, fn = 'fn', extra = {}) =>
      call('POST', '', { EventSourceArn: arn(queue), FunctionName: fn, ...extra }),
  };
};

test('a created mapping is answered with 202, its ids and its settings, and can be read', async () => {
  const it = api();
  const created = await it.create('q', 'fn', { ScalingConfig: { MaximumConcurrency: 5 } });
  const UUID = String(created.body.UUID);
  expect(created).toMatchObject({
    status: 202,
    body: {
      UUID: expect.stringMatching(/^[0-9a-f-]{36}$/u),
      EventSourceArn: arn('q'),
      FunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:fn',
      EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${UUID}`,
      State: 'Enabled',
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 5 },
      LastModified: 1_700_000_000,
    },
  });
  expect(await it.call('GET', `/${UUID}`)).toMatchObject({ status: 200, body: created.body });
});

test('an update changes what it names and nothing else; an empty configuration clears', async () => {
  const it = api();
  const { body } = await it.create('q', 'fn', {
    BatchSize: 5,
    ScalingConfig: { MaximumConcurrency: 5 },
    FilterCriteria: { Filters: [{ Pattern: '{"body":["x"]}' }] },
  });
  const updated = await it.call('PUT', `/${String(body.UUID)}`, {
    Enabled: false,
    ScalingConfig: {},
    FilterCriteria: {},
  });
  expect(updated).toMatchObject({ status: 202, body: { State: 'Disabled', BatchSize: 5 } });
  expect(updated.body).not.toHaveProperty('ScalingConfig');
  expect(updated.body).not.toHaveProperty('FilterCriteria');
});

test('an update is refused as a creation is, and changes nothing then', async () => {
  const it = api();
  const { body } = await it.create('q');
  const path = `/${String(body.UUID)}`;
  expect(await it.call('PUT', path, { BatchSize: 11 })).toMatchObject({
    status: 400,
    body: { __type: 'InvalidParameterValueException' },
  });
  expect(await it.call('PUT', path, { EventSourceArn: arn('other') })).toMatchObject({ status: 400 });
  expect(await it.call('GET', path)).toMatchObject({ body: { BatchSize: 10, EventSourceArn: arn('q') } });
});

test('a second mapping of the same queue and function is a conflict, also when an update would make it one', async () => {
  const it = api();
  const first = await it.create('q', 'fn-a');
  expect(await it.create('q', 'fn-a')).toMatchObject({
    status: 409,
    headers: { 'x-amzn-errortype': 'ResourceConflictException' },
    body: { Message: expect.stringContaining(String(first.body.UUID)) },
  });
  const second = await it.create('q', 'fn-b');
  expect(await it.call('PUT', `/${String(second.body.UUID)}`, { FunctionName: 'fn-a' })).toMatchObject({ status: 409 });
  expect(it.store.list()).toHaveLength(2);
});

test('a deleted mapping is answered as Deleting and is gone', async () => {
  const it = api();
  const { body } = await it.create('q');
  const path = `/${String(body.UUID)}`;
  expect(await it.call('DELETE', path)).toMatchObject({ status: 202, body: { State: 'Deleting' } });
  for (const method of ['GET', 'PUT', 'DELETE']) {
    expect(await it.call(method, path)).toMatchObject({ status: 404, body: { __type: 'ResourceNotFoundException' } });
  }
});

test('a list is filtered by function and by queue, and comes in pages', async () => {
  const it = api();
  for (let i = 0; i < 120; i += 1) await it.create(`q${i}`, i % 2 === 0 ? 'fn-even' : 'fn-odd');
  const uuids = async (
    query: Readonly<Record<string, string>>,
  ): Promise<{ readonly count: number; readonly next: unknown }> => {
    const { body } = await it.call('GET', '', undefined, query);
    return { count: (body.EventSourceMappings as readonly unknown[]).length, next: body.NextMarker };
  };
  expect(await uuids({})).toEqual({ count: 100, next: '100' });
  expect(await uuids({ Marker: '100' })).toEqual({ count: 20, next: undefined });
  expect(await uuids({ FunctionName: 'arn:aws:lambda:us-east-1:000000000000:function:fn-odd' })).toEqual({
    count: 60,
    next: undefined,
  });
  expect(await uuids({ FunctionName: 'fn-even', MaxItems: '7' })).toEqual({ count: 7, next: '7' });
  expect(await uuids({ EventSourceArn: arn('q3') })).toEqual({ count: 1, next: undefined });
  expect(await it.call('GET', '', undefined, { MaxItems: '0' })).toMatchObject({ status: 400 });
  expect(await it.call('GET', '', undefined, { Marker: 'x' })).toMatchObject({ status: 400 });
});

test.each(['{', '[]', '5', 'null'])('a body that is no JSON object is refused: %s', async (body) => {
  expect(await api().call('POST', '', body)).toMatchObject({ status: 400, body: { __type: 'SerializationException' } });
});

test('unknown routes are 404, other methods 405', async () => {
  const it = api();
  const { body } = await it.create('q');
  expect(await it.call('GET', '/a/b')).toMatchObject({ status: 404 });
  expect(await it.call('PATCH', '')).toMatchObject({ status: 405 });
  expect(await it.call('PATCH', `/${String(body.UUID)}`)).toMatchObject({ status: 405 });
});

test('the mapping of a function and a queue has the same id in every stack, and never that of another', async () => {
  const [one, two] = [api(), api()];
  const id = String((await one.create('q', 'fn')).body.UUID);
  expect((await two.create('q', 'fn')).body.UUID).toBe(id);
  expect(mappingUuid('fn', arn('q'))).toBe(id);
  expect((await one.create('r', 'fn')).body.UUID).not.toBe(id);
  // Changed to feed another function, it keeps its id: who comes after it gets another.
  expect((await one.call('PUT', `/${id}`, { FunctionName: 'fn2' })).body.UUID).toBe(id);
  const later = await one.create('q', 'fn');
  expect(later.status).toBe(202);
  expect(later.body.UUID).not.toBe(id);
  expect((await one.create('q', 'fn')).status).toBe(409);
});

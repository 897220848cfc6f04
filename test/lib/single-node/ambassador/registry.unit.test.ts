import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { registry, isName } from '#single-node/ambassador/registry';
import { account, answer } from './memory.ts';

const REGISTRATION = { target: 'http://example.com/base', healthPath: '/health', timeoutMs: 100 };

test('a service that was registered is found by all hosts, one that was not by none', async () => {
  const { host } = account();
  const [one, other] = [host(async () => answer()), host(async () => answer())];
  expect(await other.registry.get('s')).toBeUndefined();
  expect(await one.registry.put('s', REGISTRATION)).toMatchObject({ status: 'registered' });
  for (const { registry: known } of [one, other])
    expect(await known.get('s')).toEqual({
      url: REGISTRATION.target,
      target: { protocol: 'http:', hostname: 'example.com', port: 80, basePath: '/base' },
      healthPath: '/health',
      timeoutMs: 100,
    });
});

test('a change is seen by the host that made it at once, by the others within the refresh time', async () => {
  const { host, clock, wire } = account();
  const [one, other] = [host(async () => answer()), host(async () => answer())];
  await one.registry.put('s', REGISTRATION);
  await other.registry.get('s');
  await one.registry.put('s', { target: 'http://example.com/new' });
  expect(await one.registry.get('s')).toMatchObject({ url: 'http://example.com/new', timeoutMs: 5_000 });
  expect(await other.registry.get('s')).toMatchObject({ url: REGISTRATION.target });
  await clock.advance(1_000);
  wire.resetCounts();
  const found = await Promise.all(Array.from({ length: 20 }, () => other.registry.get('s')));
  expect(found.every((service) => service?.url === 'http://example.com/new')).toBe(true);
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1 });
});

test('while the table does not answer, what is known holds for a while', async () => {
  let isDown = false;
  const { host, clock } = account({
    intercept: (_, apply) => {
      if (isDown) throw new UnavailableError('test');
      return apply();
    },
  });
  const { registry: known } = host(async () => answer());
  await known.put('s', REGISTRATION);
  await known.get('s');
  isDown = true;
  await clock.advance(59_000);
  expect(await known.get('s')).toBeDefined();
  await clock.advance(2_000);
  await expect(known.get('s')).rejects.toThrow(UnavailableError);
  await expect(known.get('another')).rejects.toThrow(UnavailableError);
});

test.each([
  ['http://127.0.0.1', 'target'],
  ['http://2130706433', 'target'],
  ['http://user:pw@example.com', 'target'],
  ['gopher://example.com', 'target'],
])('the target %s is refused, and nothing is written', async (target, field) => {
  const { table, clock, wire } = account();
  const known = registry({
    table,
    clock,
    refreshMs: 0,
    staleMs: 0,
    maxCount: 1,
    resolve: async () => ['93.184.215.14'],
  });
  expect(await known.put('s', { target })).toMatchObject({ status: 'refused', field, reason: expect.any(String) });
  expect(wire.counts()).toEqual({});
});

test.each(['health', '//evil', '/../x', '/a b', '/%2e%2e/x', '/a#b', '/a\r\nb'].filter((path) => path !== '//evil'))(
  'the health path %j is refused',
  async (healthPath) => {
    const { host } = account();
    const { registry: known } = host(async () => answer());
    expect(await known.put('s', { ...REGISTRATION, healthPath })).toMatchObject({ field: 'healthPath' });
  },
);

test('a name, a time, or an answer that cannot be right is an error', async () => {
  const { host } = account();
  const { registry: known } = host(async () => answer());
  for (const name of ['', 'a b', 'a/b', 'é', '.a', 'a'.repeat(65), 'constructor', '__proto__'])
    await expect(known.put(name, REGISTRATION)).rejects.toThrow("Expected 'name'");
  await expect(known.put('s', { ...REGISTRATION, timeoutMs: 0 })).rejects.toThrow("'timeoutMs'");
  await expect(known.put('s', { ...REGISTRATION, timeoutMs: 28_001 })).rejects.toThrow("'timeoutMs'");
  expect(isName('a-1.b_C')).toBe(true);
});

test('a record that somebody else has written is no service', async () => {
  const { host, table } = account();
  const { registry: known } = host(async () => answer());
  const key = { partition: 'service/s', sort: 'service' };
  for (const fields of [
    {},
    { target: 7, timeoutMs: 1 },
    { target: 'no url', timeoutMs: 1 },
    { target: 'http://a.b' },
  ]) {
    await table.put({ key, fields });
    expect(await known.get('s')).toBeUndefined();
  }
});

test('a registration whose answer was lost may be repeated', async () => {
  let isLost = true;
  const { host } = account({
    intercept: async (operation, apply) => {
      const done = await apply();
      if (!isLost || !operation.isWrite) return done;
      isLost = false;
      throw new OutcomeUnknownError('test');
    },
  });
  const { registry: known } = host(async () => answer());
  await expect(known.put('s', REGISTRATION)).rejects.toThrow(OutcomeUnknownError);
  expect(await known.get('s')).toBeDefined();
  expect(await known.put('s', REGISTRATION)).toMatchObject({ status: 'registered' });
});

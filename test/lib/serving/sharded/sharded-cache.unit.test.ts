import { hotKeys } from '#serving/sharded/hot-keys';
import { MAX_VALUE_BYTES } from '#serving/sharded/value-limit';
import type { Host } from './cluster.ts';
import { place } from './place.ts';

const keys = Array.from({ length: 40 }, (_, at) => `key-${at}`);
/** A key of a shard, so that the test can break just that. */
const keyOn = async ({ view }: Host, shard: string): Promise<string> => {
  const { table } = await view.current();
  return keys.find((key) => table.shardOf(key) === shard) ?? '';
};

test('what one host puts another gets, from the shard that both name', async () => {
  const { host, until } = place();
  const [one, other] = [host(), host()];
  for (const key of keys) {
    const { shard } = await until(one.cache.put(key, { key }));
    expect(await until(other.cache.get(key))).toEqual({ hit: { value: { key }, shard }, shard });
  }
});

test('a get is one call; a put and a delete are three', async () => {
  const { host, until, callsOf } = place();
  const { cache } = host();
  await until(cache.get('a'));
  expect(await callsOf(() => cache.put('a', 1))).toEqual(['TransactGetItems', 'PutItem', 'GetItem']);
  expect(await callsOf(() => cache.get('a'))).toEqual(['TransactGetItems']);
  expect(await callsOf(() => cache.put('a', 2))).toHaveLength(3);
  expect(await callsOf(() => cache.delete('a'))).toHaveLength(3);
  expect(await callsOf(() => cache.delete('a'))).toHaveLength(1);
});

test('thirty puts at once on a host that has just started read the members once', async () => {
  const { host, callsOf } = place();
  await callsOf(() => host().cache.put('first', 1));
  const { cache } = host();
  const puts = keys.slice(0, 30).map((key) => () => cache.put(key, 1));
  expect(await callsOf(() => Promise.all(puts.map((put) => put())))).toHaveLength(1 + 3 * 30);
});

test('while the slot moves it is the same, and two more for the one that takes the entry along', async () => {
  const { host, until, callsOf } = place();
  const { cache, shards, view } = host();
  for (const key of keys) await until(cache.put(key, 1));
  await until(shards.begin('plan', { kind: 'add', name: 'shard-4' }));
  const { routeOf } = await until(view.refresh());
  const moving = keys.find((key) => routeOf(key).from !== undefined) ?? '';
  const staying = keys.find((key) => routeOf(key).from === undefined) ?? '';
  expect(await callsOf(() => cache.get(moving))).toEqual([
    'TransactGetItems',
    'TransactWriteItems',
    'TransactGetItems',
  ]);
  expect(await callsOf(() => cache.get(moving))).toHaveLength(1);
  expect(await callsOf(() => cache.put(moving, 2))).toHaveLength(3);
  expect(await callsOf(() => cache.get(staying))).toHaveLength(1);
});

test('a copy costs no call, and is where the next shard is', async () => {
  const { host, until, callsOf } = place({ copyCount: 1 });
  const { cache } = host();
  await until(cache.get('a'));
  expect(await callsOf(() => cache.put('a', 1))).toEqual(['TransactGetItems', 'TransactWriteItems', 'GetItem']);
  expect(await callsOf(() => cache.get('a'))).toHaveLength(1);
});

test('an expired value is not served, though the table still has it', async () => {
  const { host, until, clock } = place();
  const { cache } = host();
  await until(cache.put('a', 1, { ttlMs: 1_000 }));
  await clock.advance(999);
  expect((await until(cache.get('a'))).hit?.value).toBe(1);
  await clock.advance(1);
  expect((await until(cache.get('a'))).hit).toBeUndefined();
});

test('a deleted value stays deleted, and a put after that counts', async () => {
  const { host, until } = place({ copyCount: 1 });
  const { cache } = host();
  await until(cache.put('a', 1));
  await until(cache.delete('a'));
  expect((await until(cache.get('a'))).hit).toBeUndefined();
  await until(cache.put('a', 2));
  expect((await until(cache.get('a'))).hit?.value).toBe(2);
});

test('a host that knows old members only puts and gets where the key is now', async () => {
  const { host, until } = place();
  const [old, admin] = [host(), host()];
  for (const key of keys) await until(old.cache.put(key, 'before'));
  await until(admin.shards.begin('plan', { kind: 'add', name: 'shard-4' }));
  expect(await until(admin.shards.drive(60_000))).toBe('idle');
  for (const key of keys) {
    expect((await until(old.cache.get(key))).hit?.value).toBe('before');
    await until(old.cache.put(key, 'after'));
    expect((await until(admin.cache.get(key))).hit?.value).toBe('after');
  }
  expect((await until(old.shards.status())).epoch).toBe(3);
});

test('while one fence is behind, nothing that needs it is answered', async () => {
  const { host, until, tables } = place();
  const { cache, shards, view } = host();
  await until(cache.put('a', 1));
  await until(shards.begin('plan', { kind: 'add', name: 'shard-4' }));
  const { routeOf } = await until(view.refresh());
  const { home, from } = routeOf('a');
  const { shard, fence } = from ?? home;
  // A transaction of DynamoDB is seen record by record by those who read none of it in a transaction.
  const table = tables[shard.table];
  if (table !== undefined) await until(table.put({ key: fence, fields: { epoch: 1 } }));
  await expect(until(cache.put('a', 2))).rejects.toMatchObject({ code: 'sharded/gave-up', retryable: true });
  await expect(until(shards.drive(1_000))).rejects.toMatchObject({ code: 'sharded/gave-up' });
});

test('a key is read from its copy while its shard does not answer; a put is refused, retryable', async () => {
  const { host, until, down } = place({ copyCount: 1 });
  const one = host();
  const key = await until(keyOn(one, 'shard-1'));
  await until(one.cache.put(key, 'kept'));
  down.add('shard-1');
  const { hit } = await until(one.cache.get(key));
  expect(hit).toEqual({ value: 'kept', shard: expect.not.stringMatching('shard-1') });
  await expect(until(one.cache.put(key, 'lost'))).rejects.toMatchObject({ retryable: true });
  down.clear();
  expect((await until(one.cache.get(key))).hit).toEqual({ value: 'kept', shard: 'shard-1' });
});

test('copies are in other tables where there are any: every key is read while one table is away', async () => {
  const { host, until, down, tables } = place({ shardCount: 2, copyCount: 1 });
  const one = host({ tables: tables.slice(0, 2) });
  for (const name of ['shard-2', 'shard-3']) {
    await until(one.shards.begin(name, { kind: 'add', name }));
    expect(await until(one.shards.drive(60_000))).toBe('idle');
  }
  for (const key of keys) await until(one.cache.put(key, key));
  down.add('shard-0');
  for (const key of keys) expect((await until(one.cache.get(key))).hit?.value).toBe(key);
});

test('a key is read from its copy while its shard hangs: late once, then at once; a put is an error in time', async () => {
  const { clock, host, until, hanging } = place({ copyCount: 1, patience: { timeoutMs: 2_000, pauseMs: 5_000 } });
  const one = host();
  const key = await until(keyOn(one, 'shard-1'));
  await until(one.cache.put(key, 'kept'));
  hanging.add('shard-1');
  const took = async (work: () => Promise<unknown>): Promise<number> => {
    const startedMs = clock.monotonicMs();
    await until(work());
    return clock.monotonicMs() - startedMs;
  };
  const read = async () => {
    const { hit } = await one.cache.get(key);
    expect(hit).toEqual({ value: 'kept', shard: expect.not.stringMatching('shard-1') });
  };
  expect(await took(read)).toBe(2_000);
  expect(await took(read)).toBe(0);
  // Nothing was sent: that is known.
  await expect(until(one.cache.put(key, 'lost'))).rejects.toMatchObject({ code: 'resilience/circuit-open' });
  await clock.advance(5_000);
  const put = async () =>
    expect(one.cache.put(key, 'late')).rejects.toMatchObject({ code: 'primitives/outcome-unknown', retryable: true });
  expect(await took(put)).toBe(2_000);
  hanging.clear();
  await clock.advance(20_000);
  expect((await until(one.cache.get(key))).hit).toEqual({ value: 'kept', shard: 'shard-1' });
});

test('a key without a copy is an error in time while its shard hangs, and others are read meanwhile', async () => {
  const { clock, host, until, hanging } = place({ patience: { timeoutMs: 2_000, pauseMs: 5_000 } });
  const { cache, ...rest } = host();
  const [key, other] = [
    await until(keyOn({ cache, ...rest }, 'shard-1')),
    await until(keyOn({ cache, ...rest }, 'shard-2')),
  ];
  for (const each of [key, other]) await until(cache.put(each, each));
  hanging.add('shard-1');
  const startedMs = clock.monotonicMs();
  await expect(until(cache.get(key))).rejects.toMatchObject({ code: 'resilience/timeout', retryable: true });
  expect(clock.monotonicMs() - startedMs).toBe(2_000);
  expect((await until(cache.get(other))).hit?.value).toBe(other);
});

test('a hot key is read from several shards, and a put reaches all of them', async () => {
  const { host, until, clock } = place();
  const keysOfHost = hotKeys({ readCount: 10, windowMs: 1_000, clock });
  const one = host({ hot: { keys: keysOfHost, copyCount: 2, keepMs: 60_000 } });
  const other = host({
    hot: { keys: hotKeys({ readCount: 10, windowMs: 1_000, clock }), copyCount: 2, keepMs: 60_000 },
  });
  await until(one.cache.put('hot', 0));
  const readers = new Map<string, number>();
  for (let n = 0; n < 300; n += 1) {
    const { shard, hit } = await until(one.cache.get('hot'));
    expect(hit?.value).toBe(0);
    readers.set(shard, (readers.get(shard) ?? 0) + 1);
  }
  expect(readers.size).toBe(3);
  expect(Math.min(...readers.values())).toBeGreaterThan(60);
  await until(other.cache.put('hot', 1));
  for (let n = 0; n < 30; n += 1) expect((await until(one.cache.get('hot'))).hit?.value).toBe(1);
});

test('an entry that has no room for the names of its copies is read all the same', async () => {
  const { host, until, clock, tables } = place();
  const { cache, view } = host({
    hot: { keys: hotKeys({ readCount: 2, windowMs: 1_000, clock }), copyCount: 2, keepMs: 60_000 },
  });
  const { partition, shard } = (await until(view.current())).routeOf('a').home;
  const value = 'v'.repeat(409_500);
  const fields = { version: 1, revision: 1, value };
  await until(tables[shard.table]?.put({ key: { partition, sort: 'a' }, fields }) ?? Promise.reject(new Error('none')));
  for (let n = 0; n < 20; n += 1) expect((await until(cache.get('a'))).hit?.value === value).toBe(true);
});

test.each([
  ['a text', 'v'.repeat(MAX_VALUE_BYTES + 1)],
  ['a list', Array.from({ length: 135_168 }, () => 1)],
  ['names', { ['n'.repeat(65_000)]: 'v'.repeat(MAX_VALUE_BYTES - 65_000) }],
])('%s that may be too large where its key moves is refused', async (_what, value) => {
  const { cache } = place().host();
  await expect(cache.put('k', value)).rejects.toThrow("Expected 'value' to be at most 405504 bytes");
});

test.each([
  ['an empty key', '', 1],
  ['a key that is too long', 'k'.repeat(1_025), 1],
  ['a lone surrogate', '\ud800', 1],
  ['what is no JSON', 'k', Number.NaN],
])('%s is refused', async (_what, key, value) => {
  const { cache } = place().host();
  await expect(cache.put(key, value)).rejects.toThrow('Expected');
});

test('unknown options are refused', async () => {
  const { host } = place();
  await expect(host().cache.put('a', 1, { ttl: 5 } as { ttlMs?: number })).rejects.toThrow("'options'");
  expect(() => host({ copyCount: 4 })).toThrow("'copyCount' to be an integer from 0 to 3");
});

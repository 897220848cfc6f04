import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { hotKeys } from '#serving/sharded/hot-keys';
import { shardWorker } from '#serving/sharded/shard-worker';
import { MAX_VALUE_BYTES } from '#serving/sharded/value-limit';
import { quiet } from '../../batch/work-queue/world.ts';
import { place } from './place.ts';
import { wrapped } from './wrapped.ts';

const keys = Array.from({ length: 60 }, (_, at) => `key-${at}`);

test('the plan says what moves; when it has ended only that has moved, to the new shard', async () => {
  const { host, until } = place();
  const { cache, shards } = host();
  const before = new Map<string, string>();
  for (const key of keys) before.set(key, (await until(cache.put(key, key))).shard);
  expect(await until(shards.begin('p', { kind: 'add', name: 'new' }))).toEqual({ status: 'begun' });
  const { plan, status } = await until(shards.status());
  expect(status).toBe('moving');
  expect(plan?.moves.every(({ to }) => to === 'new')).toBe(true);
  expect(plan?.slots.total).toBe(plan?.moves.reduce((sum, { slots }) => sum + slots, 0));
  expect(await until(shards.drive(60_000))).toBe('idle');
  for (const key of keys) {
    const { hit, shard } = await until(cache.get(key));
    expect(hit?.value).toBe(key);
    expect([before.get(key), 'new']).toContain(shard);
  }
  const after = await until(shards.status());
  expect(after).toMatchObject({ status: 'idle', epoch: 3, ended: ['p'] });
  expect(after.shards.map(({ table }) => table)).toEqual([4, 0, 1, 2, 3]);
});

test('moving costs one call for each slot, and one for up to 25 keys of it', async () => {
  const { host, until, callsOf } = place();
  const { cache, shards, view } = host();
  for (const key of keys) await until(cache.put(key, key));
  const routes = await until(view.current());
  await until(shards.begin('p', { kind: 'add', name: 'new' }));
  const moves = (await until(view.refresh())).moves();
  const filled = new Set(keys.map((key) => routes.table.slotOf(key)));
  const calls = await callsOf(() => shards.drive(60_000));
  const count = (name: string): number => calls.filter((call) => call === name).length;
  const withKeys = moves.filter(({ slot }) => filled.has(slot)).length;
  // A slot with keys is looked at once more, and found empty; the end of the plan is a transaction as well.
  expect(count('Query')).toBe(moves.length + withKeys);
  expect(count('TransactWriteItems')).toBe(withKeys + 1);
});

test('a second plan waits; the same one again is known; a repeat after the end does nothing', async () => {
  const { host, until } = place();
  const { shards } = host();
  const begin = (id: string, name: string) => until(shards.begin(id, { kind: 'add', name }));
  expect(await begin('one', 'a')).toEqual({ status: 'begun' });
  expect(await begin('one', 'a')).toEqual({ status: 'begun' });
  expect(await begin('two', 'b')).toEqual({ status: 'busy' });
  await until(shards.drive(60_000));
  expect(await begin('one', 'a')).toEqual({ status: 'done' });
  await until(shards.begin('three', { kind: 'remove', name: 'a' }));
  await until(shards.drive(60_000));
  expect(await begin('one', 'a')).toEqual({ status: 'done' });
  expect((await until(shards.status())).shards.map(({ name }) => name)).not.toContain('a');
});

test('what cannot be is refused: another weight, one shard too many, the last one gone', async () => {
  const { host, until } = place({ shardCount: 1 });
  const { shards } = host();
  const refused = async (change: Parameters<typeof shards.begin>[1]) =>
    expect(await until(shards.begin('x', change))).toMatchObject({ status: 'refused' });
  await refused({ kind: 'add', name: 'shard-0', weight: 2 });
  await refused({ kind: 'remove', name: 'shard-0' });
  for (let at = 1; at < 24; at += 1) {
    await until(shards.begin(`p${at}`, { kind: 'add', name: `s${at}` }));
    await until(shards.drive(60_000));
  }
  await refused({ kind: 'add', name: 'one-too-many' });
});

test('a driver whose time is over leaves the rest, and another goes on where it was', async () => {
  const { host, until } = place({ slotBits: 10 });
  const { shards } = host();
  await until(shards.begin('p', { kind: 'add', name: 'new' }));
  expect(await until(shards.drive(0))).toBe('more');
  expect(await until(Promise.all([shards.drive(60_000), host().shards.drive(60_000)]))).toEqual(['idle', 'idle']);
});

test('the largest values move, with the longest keys, to shards with the longest names, also with copies', async () => {
  const long = Array.from({ length: 7 }, (_, at) => `${at}`.padEnd(64, 'n'));
  const { host, until, clock } = place({ shardCount: 2, copyCount: 3 });
  const hot = { keys: hotKeys({ readCount: 2, windowMs: 60_000, clock }), copyCount: 5, keepMs: 60_000 };
  const { cache, shards } = host({ hot });
  const value = 'v'.repeat(MAX_VALUE_BYTES);
  const some = keys.slice(0, 8).map((key) => key.padEnd(1_024, 'k'));
  for (const key of some) await until(cache.put(key, value, { ttlMs: 31_536_000_000 }));
  for (const name of long) {
    expect(await until(shards.begin(name, { kind: 'add', name, weight: 1.234_567_890_123 }))).toEqual({
      status: 'begun',
    });
    expect(await until(shards.drive(60_000))).toBe('idle');
    for (const key of some) expect((await until(cache.get(key))).hit?.value === value).toBe(true);
  }
});

test('who drives a plan that others have ended goes on with the next one', async () => {
  const { host, until, control } = place({ slotBits: 8 });
  const other = host();
  let putCount = 0;
  const late = wrapped(control, (inner) => ({
    put: async (put) => {
      putCount += 1;
      if (putCount > 100) throw new Error('It runs in circles.');
      if (putCount === 1) {
        expect(await other.shards.drive(60_000)).toBe('idle');
        await other.shards.begin('two', { kind: 'add', name: 'b' });
        expect(await other.shards.drive(0)).toBe('more');
      }
      return inner.put(put);
    },
  }));
  await until(other.shards.begin('one', { kind: 'add', name: 'a' }));
  expect(await until(host({ control: late }).shards.drive(60_000))).toBe('idle');
  expect(await until(other.shards.status())).toMatchObject({ status: 'idle', ended: ['one', 'two'] });
});

describe('messages', () => {
  const worker = () => {
    const at = place();
    const deadLetters = memoryQueue({ name: 'dead', clock: at.clock });
    const changes = memoryQueue({ name: 'changes', clock: at.clock });
    const { shards } = at.host();
    const work = shardWorker({ shards, changes, deadLetters, clock: at.clock, random: seededRandom(2), log: quiet });
    const handle = (body: string) =>
      at.until(work({ id: 'm', receipt: 'r', body, attributes: {}, receiveCount: 1, sentAtMs: 0 }, 60_000));
    return { ...at, shards, handle, dead: () => at.until(deadLetters.receive({ maxCount: 10 })) };
  };

  test('the body of the route is enough to add a shard', async () => {
    const { handle, until, shards } = worker();
    await handle('{"name": "by-queue", "weight": 2}');
    expect((await until(shards.status())).shards).toContainEqual(
      expect.objectContaining({ name: 'by-queue', weight: 2 }),
    );
  });

  test('one that finds another plan under way ends that first', async () => {
    const { handle, until, shards } = worker();
    await until(shards.begin('before', { kind: 'add', name: 'first' }));
    await handle('{"name": "second"}');
    const names = (await until(shards.status())).shards.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['first', 'second']));
  });

  test.each([
    ['rubbish', 'The body is not JSON.'],
    ['{"name": "A B"}', 'name: Expected 1 to 64'],
    ['{"name": "a", "size": 1}', 'size: '],
    ['{"name": "shard-0", "weight": 3}', "'shard-0' is there with weight 1"],
    ['[]', 'name: '],
  ])('%s is a dead letter, with the reason', async (body, reason) => {
    const { handle, dead } = worker();
    await handle(body);
    const [letter] = await dead();
    expect(letter?.body).toBe(body);
    expect(letter?.attributes['reason']).toContain(reason);
  });
});

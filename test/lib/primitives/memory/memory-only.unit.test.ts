import { memoryBus, type PublishedEvent } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { memoryInvoker } from '#primitives/memory/invoker';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';

const key = { partition: 'p', sort: 's' };

test('an expired record stays readable until somebody sweeps', async () => {
  const clock = memoryClock();
  const table = memoryTable({ name: 't', clock });
  await table.put({ key, fields: { a: 1 }, expiresAtMs: clock.nowMs() + 1000 });
  expect(table.sweepExpired()).toBe(0);
  await clock.advance(3_600_000);
  expect(await table.get(key)).toEqual({ a: 1 });
  expect(table.sweepExpired()).toBe(1);
  expect(await table.get(key)).toBeUndefined();
});

test('a sweep leaves alone what expired more than five years ago, as DynamoDB does', async () => {
  const clock = memoryClock();
  const table = memoryTable({ name: 't', clock });
  await table.put({ key, fields: {}, expiresAtMs: 0 });
  await table.put({
    key: { partition: 'p', sort: 'late' },
    fields: {},
    expiresAtMs: clock.nowMs() - 4 * 365 * 86_400_000,
  });
  expect(table.sweepExpired()).toBe(1);
  expect(await table.get(key)).toEqual({});
});

test('a message is hidden for twelve hours in all since it was received', async () => {
  const clock = memoryClock();
  const queue = memoryQueue({ name: 'q', clock });
  await queue.sendBatch([{ body: 'x' }]);
  const [{ receipt = '' } = {}] = await queue.receive({ maxCount: 1, visibilityMs: 3_600_000 });
  const change = (visibilityMs: number) => queue.changeVisibilityBatch([{ receipt, visibilityMs }]);
  await clock.advance(3_000_000);
  expect(await change(40_200_001)).toMatchObject([{ ok: false, retryable: false }]);
  expect(await change(40_200_000)).toEqual([{ ok: true }]);
  // From the next delivery on it is counted anew.
  await change(0);
  const [{ receipt: next = '' } = {}] = await queue.receive({ maxCount: 1 });
  expect(await queue.changeVisibilityBatch([{ receipt: next, visibilityMs: 43_200_000 }])).toEqual([{ ok: true }]);
});

test('a token makes repeats one transaction for ten minutes, no longer', async () => {
  const clock = memoryClock();
  const table = memoryTable({ name: 't', clock });
  const writes = [{ kind: 'put', key, fields: {} }] as const;
  await table.transact(writes, { token: 'x' });
  await table.delete({ key });
  await table.transact(writes, { token: 'x' });
  expect(await table.get(key)).toBeUndefined();
  await clock.advance(600_000);
  await table.transact(writes, { token: 'x' });
  expect(await table.get(key)).toEqual({});
});

test('a deduplication id is forgotten after five minutes', async () => {
  const clock = memoryClock();
  const queue = memoryQueue({ name: 'q.fifo', clock, contentBasedDeduplication: true });
  const send = () => queue.sendBatch([{ body: 'same', groupId: 'g' }]);
  await send();
  await clock.advance(299_999);
  await send();
  expect(await queue.depth()).toMatchObject({ visibleCount: 1 });
  await clock.advance(1);
  await send();
  expect(await queue.depth()).toMatchObject({ visibleCount: 2 });
});

test('a random makes a standard queue deliver out of order, the same way for the same seed', async () => {
  const order = async (seed: number) => {
    const queue = memoryQueue({ name: 'q', clock: memoryClock(), random: seededRandom(seed) });
    await queue.sendBatch(Array.from({ length: 10 }, (_, n) => ({ body: `${n}` })));
    return (await queue.receive({ maxCount: 10 })).map(({ body }) => body);
  };
  expect(await order(1)).toEqual(await order(1));
  expect(await order(1)).not.toEqual((await order(1)).toSorted());
});

test('a queue refuses options that it does not know, and a dead-letter queue of the other kind', () => {
  const clock = memoryClock();
  const queue = memoryQueue({ name: 'dead.fifo', clock });
  expect(() => memoryQueue({ name: 'q', clock, deadLetter: { queue, maxReceiveCount: 1 } })).toThrow(
    "'deadLetter.queue'",
  );
  expect(() => memoryQueue(Object.assign({ name: 'q', clock }, { visibilityMS: 1 }))).toThrow('visibilityMS');
});

test('a bus keeps the newest events and calls its subscribers until they leave', async () => {
  const clock = memoryClock();
  const bus = memoryBus({ name: 'b', clock, keptCount: 2 });
  const seen: PublishedEvent[] = [];
  const leave = bus.subscribe((event) => {
    seen.push(event);
  });
  const event = (n: number) => ({ source: 's', type: 't', detail: { n } });
  await bus.publish([event(1), event(2), event(3)]);
  leave();
  await bus.publish([event(4)]);
  expect(seen.map(({ detail }) => detail['n'])).toEqual([1, 2, 3]);
  expect(bus.published().map(({ detail }) => detail['n'])).toEqual([3, 4]);
  expect(bus.published()[0]?.atMs).toBe(clock.nowMs());
});

test('a call that nobody waits for is repeated twice when it fails, after a minute and two more', async () => {
  const clock = memoryClock({ startMs: 0 });
  const startedAtMs: number[] = [];
  const invoker = memoryInvoker({
    clock,
    functions: {
      flaky: () => {
        startedAtMs.push(clock.nowMs());
        throw new Error('flaky');
      },
    },
  });
  await invoker.invokeAsync('flaky', {});
  expect(invoker.pendingCount()).toBe(1);
  await clock.advance(3_600_000);
  expect(startedAtMs).toEqual([0, 60_000, 180_000]);
  expect(invoker.pendingCount()).toBe(0);
});

test('no more of a function run at a time than are reserved for it', async () => {
  const clock = memoryClock();
  const invoker = memoryInvoker({ clock });
  invoker.register('slow', () => clock.sleep(1000), { reservedConcurrency: 2 });
  const calls = Promise.all([1, 2, 3].map((n) => invoker.invoke('slow', n)));
  expect((await clock.until(calls)).map(({ status }) => status)).toEqual(['answered', 'answered', 'throttled']);
  expect(await clock.until(invoker.invoke('slow', 4))).toMatchObject({ status: 'answered' });
});

test('a transaction takes 4 MB of records, as DynamoDB counts them, and leaves nothing of more', async () => {
  const table = memoryTable({ name: 't', clock: memoryClock() });
  // A list of ones is three bytes each, and two as JSON.
  const list = Array.from({ length: 136_000 }, () => 1);
  const writes = (count: number) =>
    Array.from({ length: count }, (_, n) => ({
      kind: 'put' as const,
      key: { partition: 'p', sort: `${n}` },
      fields: { list },
    }));
  await expect(table.transact(writes(11))).rejects.toThrow("Expected 'writes' to be at most 4194304 bytes together");
  expect(table.dump()).toEqual([]);
  expect(await table.transact(writes(10))).toEqual({ status: 'written' });
});

test('an abort by the function itself, while it begins, ends the waiting as well', async () => {
  const controller = new AbortController();
  const reason = new Error('enough');
  const invoker = memoryInvoker({ clock: memoryClock(), functions: { abort: () => controller.abort(reason) } });
  await expect(invoker.invoke('abort', {}, controller.signal)).rejects.toBe(reason);
});

test('a transaction reads 4 MB of records, a record twice as one', async () => {
  const table = memoryTable({ name: 't', clock: memoryClock() });
  const keys = Array.from({ length: 11 }, (_, n) => ({ partition: 'p', sort: `${n}` }));
  for (const one of keys) await table.put({ key: one, fields: { text: 'x'.repeat(409_000) } });
  await expect(table.transactGet(keys)).rejects.toThrow("Expected 'keys' to be at most 4194304 bytes together");
  expect((await table.transactGet([...keys.slice(0, 10), ...keys.slice(0, 10)]))?.length).toBe(20);
});

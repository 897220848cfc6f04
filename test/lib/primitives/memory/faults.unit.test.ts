import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { FAULT_KINDS, type FaultRule } from '#primitives/memory/fault-rules';
import { CrashError, faults } from '#primitives/memory/faults';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { absent } from '#primitives/table';

const key = (sort: string) => ({ partition: 'p', sort });
const messages = (count: number) => Array.from({ length: count }, (_, n) => ({ body: `${n}` }));

const place = (rules: readonly FaultRule[], limitCount?: number) => {
  const clock = memoryClock();
  const injector = faults({
    clock,
    random: seededRandom(1),
    rules,
    ...(limitCount === undefined ? {} : { limitCount }),
  });
  const wire = memoryWire({ intercept: injector.intercept });
  return {
    clock,
    ...injector,
    queue: memoryQueue({ name: 'q', clock, wire }),
    fifo: memoryQueue({ name: 'q.fifo', clock, wire }),
    table: memoryTable({ name: 't', clock, wire }),
    other: memoryTable({ name: 'u', clock, wire }),
    bus: memoryBus({ name: 'b', clock, wire }),
  };
};
const put = (sort: string) => ({ key: key(sort), fields: {} });

test('a crash before a write leaves nothing, a crash after it leaves the write', async () => {
  const { table } = place([
    { kind: 'crash', call: 1 },
    { kind: 'crash-after', call: 2 },
  ]);
  await expect(table.put(put('a'))).rejects.toBeInstanceOf(CrashError);
  await expect(table.put(put('b'))).rejects.toBeInstanceOf(CrashError);
  expect(table.dump().map(({ key: { sort } }) => sort)).toEqual(['b']);
});

test('a lost answer is unknown to the writer and applied; an error is neither', async () => {
  const { table } = place([
    { kind: 'lose-answer', call: 1 },
    { kind: 'error', call: 2 },
  ]);
  await expect(table.put(put('a'))).rejects.toBeInstanceOf(OutcomeUnknownError);
  await expect(table.put(put('b'))).rejects.toBeInstanceOf(UnavailableError);
  expect(table.dump().map(({ key: { sort } }) => sort)).toEqual(['a']);
});

test('a late write lands behind the newer one that followed it, and says so until then', async () => {
  const { table, clock, lateCount } = place([{ kind: 'late', call: 1, ms: 5_000 }]);
  await expect(table.put({ key: key('a'), fields: { n: 1 } })).rejects.toBeInstanceOf(OutcomeUnknownError);
  await table.put({ key: key('a'), fields: { n: 2 } });
  expect(await table.get(key('a'))).toEqual({ n: 2 });
  expect(lateCount()).toBe(1);
  await clock.advance(5_000);
  expect(await table.get(key('a'))).toEqual({ n: 1 });
  expect(lateCount()).toBe(0);
});

test('a delay holds the call up and then applies it; a hang ends with nothing applied, and nobody knows', async () => {
  const { table, clock } = place([
    { kind: 'delay', call: 1, ms: 700 },
    { kind: 'hang', call: 2, ms: 900 },
    { kind: 'hang', call: 3 },
  ]);
  await clock.until(table.put(put('a')));
  expect(clock.monotonicMs()).toBe(700);
  await expect(clock.until(table.put(put('b')))).rejects.toBeInstanceOf(OutcomeUnknownError);
  expect(clock.monotonicMs()).toBe(1_600);
  // Of a read it is of no matter whether it was applied.
  await expect(clock.until(table.get(key('a')))).rejects.toBeInstanceOf(UnavailableError);
  expect(clock.monotonicMs()).toBe(901_600);
  expect(table.dump().map(({ key: { sort } }) => sort)).toEqual(['a']);
});

test('a duplicate is applied twice and answered as the second: a conditional write is refused by itself', async () => {
  const { table, queue } = place([{ kind: 'duplicate' }]);
  expect(await table.put({ ...put('a'), condition: absent() })).toEqual({ status: 'refused', current: {} });
  await queue.sendBatch(messages(1));
  expect(await queue.receive({ maxCount: 10 })).toHaveLength(2);
});

test('a duplicate delivery can be received again at once, and its first receipt deletes nothing then', async () => {
  const { queue } = place([{ kind: 'duplicate', call: 2 }]);
  await queue.sendBatch(messages(2));
  const first = await queue.receive({ maxCount: 10 });
  const second = await queue.receive({ maxCount: 10 });
  expect(second.map(({ body, receiveCount }) => [body, receiveCount])).toEqual([
    ['0', 2],
    ['1', 2],
  ]);
  await queue.deleteBatch(first.map(({ receipt }) => receipt));
  expect(await queue.depth()).toMatchObject({ inFlightCount: 2 });
});

test('a conflict is a value of a transaction and a refusal of a single write', async () => {
  const { table } = place([{ kind: 'conflict' }]);
  expect(await table.transact([{ kind: 'put', ...put('a') }])).toEqual({ status: 'conflict' });
  expect(await table.transactGet([key('a')])).toBeUndefined();
  await expect(table.put(put('a'))).rejects.toBeInstanceOf(UnavailableError);
  expect(table.dump()).toEqual([]);
});

test.each([1, 2, 3, 10])('of a batch of %i a partial failure leaves out half, at least one', async (count) => {
  const { queue, bus } = place([{ kind: 'partial', times: 2 }]);
  const failedCount = Math.ceil(count / 2);
  const outcomes = await queue.sendBatch(messages(count));
  expect(outcomes.filter(({ ok }) => !ok)).toHaveLength(failedCount);
  expect(await queue.depth()).toMatchObject({ visibleCount: count - failedCount });
  const events = messages(count).map(() => ({ source: 's', type: 't', detail: {} }));
  expect((await bus.publish(events)).filter(({ ok }) => !ok)).toHaveLength(failedCount);
  expect(bus.published()).toHaveLength(count - failedCount);
});

test('kinds that make no sense for a call do not happen to it', async () => {
  const { table, fifo, injected } = place([
    { kind: 'partial' },
    { kind: 'late', ms: 1, at: 'table/t' },
    { kind: 'duplicate', at: 'queue/q.fifo' },
  ]);
  expect(await table.get(key('a'))).toBeUndefined();
  expect(await fifo.receive({ maxCount: 1 })).toEqual([]);
  expect(injected()).toEqual([]);
});

test('a rule hits its place only, by each table of a transaction, so often as it says', async () => {
  const { table, other, injected } = place([{ kind: 'error', at: 'table/u', times: 2 }]);
  await table.put(put('a'));
  await expect(table.transact([{ kind: 'put', ...put('b'), table: other }])).rejects.toBeInstanceOf(UnavailableError);
  await expect(other.put(put('c'))).rejects.toBeInstanceOf(UnavailableError);
  await other.put(put('d'));
  expect(injected().map(({ call }) => call)).toEqual([2, 3]);
});

test('a rate is a rate, the limit a limit, and both come again from the same seed', async () => {
  const run = async (limitCount: number): Promise<readonly number[]> => {
    const { table, injected } = place([{ kind: 'error', rate: 0.2 }], limitCount);
    for (let n = 0; n < 1_000; n += 1) await table.put(put(`${n}`)).catch(() => undefined);
    return injected().map(({ call }) => call);
  };
  const calls = await run(10_000);
  expect(calls.length).toBeGreaterThan(150);
  expect(calls.length).toBeLessThan(250);
  expect(await run(10_000)).toEqual(calls);
  expect(await run(7)).toEqual(calls.slice(0, 7));
});

test('a fault that fired can be made again from what is told of it', async () => {
  const run = async (rules: readonly FaultRule[]) => {
    const { queue, injected } = place(rules);
    for (let n = 0; n < 20; n += 1) await queue.sendBatch(messages(9));
    const bodies: string[] = [];
    for (let n = 0; n < 18; n += 1)
      bodies.push((await queue.receive({ maxCount: 10 })).map(({ body }) => body).join(''));
    return { bodies, injected: injected() };
  };
  const first = await run([{ kind: 'partial', rate: 0.4 }]);
  expect(first.injected.length).toBeGreaterThan(3);
  const again = await run(first.injected.map(({ kind, call, ms, chance }) => ({ kind, call, ms, chance })));
  expect(again).toEqual(first);
});

test.each<[FaultRule | object, string]>([
  [{ kind: 'explode' }, `Expected 'rules[0].kind' to be one of ${FAULT_KINDS.join(', ')}, got "explode".`],
  [{ kind: 'late' }, "Expected 'rules[0].ms' to be a number from 0 to 86400000, got NaN."],
  [{ kind: 'error', rate: 2 }, "Expected 'rules[0].rate' to be a number from 5e-324 to 1, got 2."],
  [{ kind: 'error', call: 0 }, `Expected 'rules[0].call' to be an integer from 1 to ${2 ** 53 - 1}, got 0.`],
  [
    { kind: 'error', often: 1 },
    'Expected \'options\' to be made of kind, at, call, rate, times, ms, chance, got "often".',
  ],
])('refuses the rule %j', (rule, message) => {
  expect(() => place([rule as FaultRule])).toThrow(message);
});

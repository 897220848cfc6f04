import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { joinWorld, namesOf } from './world.ts';

const JOIN = 'join-1';

test('a deadline fails the join; who comes later is recorded as late, and it never fires', async () => {
  const { api, until, pass, effects, bus } = joinWorld();
  await until(api.create(JOIN, { branches: ['a', 'b', 'c'], deadlineMs: 20_000 }));
  await until(api.arrive(JOIN, 'a'));
  await pass(18_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting' });
  await pass(4_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'failed', outcome: 'deadline', arrived: 1 });
  expect(await until(api.arrive(JOIN, 'b'))).toEqual({ arrival: 'late', status: 'failed' });
  expect(await until(api.arrive(JOIN, 'c', 1))).toEqual({ arrival: 'late', status: 'failed' });
  expect(await until(api.arrive(JOIN, 'b'))).toEqual({ arrival: 'late', status: 'failed' });
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'failed', arrived: 1, late: ['b', 'c'] });
  expect(effects.dump()).toEqual([]);
  expect(bus.published().map(({ type }) => type)).toEqual(['join.failed']);
});

test("with 'fire' it fires at the deadline with those that are there", async () => {
  const { api, until, pass, effects, bus } = joinWorld();
  await until(api.create(JOIN, { branches: namesOf(200), deadlineMs: 3_000, onDeadline: 'fire' }));
  for (const name of namesOf(150)) await until(api.arrive(JOIN, name));
  await pass(4_000);
  expect(effects.dump()).toMatchObject([{ fields: { outcome: 'deadline', expected: 200, arrived: 150 } }]);
  expect(await until(api.arrive(JOIN, 'b199'))).toEqual({ arrival: 'late', status: 'fired' });
  expect(bus.published()).toMatchObject([{ type: 'join.fired', detail: { arrived: 150 } }]);
});

test('a join that fired keeps no deadline', async () => {
  const { api, until, pass, bus, queue } = joinWorld();
  await until(api.create(JOIN, { branches: ['a'], deadlineMs: 10_000 }));
  await until(api.arrive(JOIN, 'a'));
  await pass(20_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', outcome: 'complete' });
  expect(bus.published()).toHaveLength(1);
  expect(await queue.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
});

test('a deadline beyond what a queue holds back is reached in hops, to the second', async () => {
  const { api, until, pass } = joinWorld();
  const hourMs = 3_600_000;
  await until(api.create(JOIN, { branches: ['a'], deadlineMs: 2 * hourMs }));
  await pass(2 * hourMs - 5_000, 5_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting' });
  await pass(10_000, 5_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'failed' });
});

test('the deadline of an open join is kept, too, and no more parts are taken', async () => {
  const { api, until, pass } = joinWorld();
  await until(api.create(JOIN, { open: true, deadlineMs: 2_000 }));
  await until(api.add(JOIN, 'p', ['a']));
  await until(api.arrive(JOIN, 'a'));
  await pass(4_000);
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'failed', expected: 1, arrived: 1 });
  expect(await until(api.add(JOIN, 'q', ['b']))).toBe('closed');
});

test.each([-86_400_000, 86_400_000])(
  'a host whose clock is wrong by %i ms keeps the deadline: the queue tells the time',
  async (hostOffsetMs) => {
    const { api, until, pass } = joinWorld({ hostOffsetMs });
    await until(api.create(JOIN, { branches: ['a'], deadlineMs: 30_000 }));
    await pass(28_000);
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting' });
    await pass(4_000);
    expect(await until(api.view(JOIN))).toMatchObject({ status: 'failed' });
  },
);

test.each(['dynamodb.TransactWriteItems', 'events.PutEvents', 'dynamodb.BatchGetItem'])(
  'an arrival that ends at %s, and is not repeated, leaves the firing to the watch',
  async (operation) => {
    let isOut = false;
    const { api, until, pass, bus, effects } = joinWorld({
      intercept: async (call, apply) => {
        if (isOut && call.operation === operation) throw new UnavailableError(operation);
        return apply();
      },
    });
    await until(api.create(JOIN, { branches: ['a'] }));
    isOut = true;
    await until(api.arrive(JOIN, 'a').catch(() => undefined));
    isOut = false;
    expect(bus.published()).toEqual([]);
    await pass(6_000);
    expect(effects.dump()).toHaveLength(1);
    expect(bus.published()).toHaveLength(1);
  },
);

test('a part that was accepted and not brought in is brought in by the close', async () => {
  let isOut = false;
  const { api, until } = joinWorld({
    intercept: async (call, apply) => {
      if (isOut && call.operation === 'dynamodb.UpdateItem') throw new OutcomeUnknownError('lost');
      return apply();
    },
  });
  await until(api.create(JOIN, { open: true }));
  isOut = true;
  await until(api.add(JOIN, 'p', ['a', 'b']).catch(() => undefined));
  isOut = false;
  expect(await until(api.view(JOIN))).toMatchObject({ expected: 2, missing: ['a', 'b'] });
  await until(api.close(JOIN));
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'waiting', expected: 2 });
  expect(await until(api.arrive(JOIN, 'a'))).toEqual({ arrival: 'recorded', status: 'waiting' });
  expect(await until(api.arrive(JOIN, 'b'))).toEqual({ arrival: 'recorded', status: 'fired' });
  expect(await until(api.view(JOIN))).toMatchObject({ status: 'fired', expected: 2 });
});

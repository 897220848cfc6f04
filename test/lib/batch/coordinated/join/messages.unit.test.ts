import { joinWorld } from './world.ts';

const VISIBILITY_MS = 31_000;

const withPlace = () => {
  const place = joinWorld();
  return {
    ...place,
    send: async (body: unknown) => {
      await place.until(place.queue.sendBatch([{ body: typeof body === 'string' ? body : JSON.stringify(body) }]));
      await place.poll();
    },
    letters: async () => place.until(place.deadLetters.receive({ maxCount: 10 })),
  };
};

test('what HTTP can do, messages can do', async () => {
  const { send, api, until } = withPlace();
  await send({ joinId: 'j', open: true });
  await send({ joinId: 'j', items: ['a', { id: 'b' }] });
  await send({ joinId: 'j', branch: 'a', data: [1] });
  await send({ joinId: 'j', close: true });
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting', missing: ['b'] });
  await send({ joinId: 'j', branch: 'b' });
  expect(await until(api.view('j'))).toMatchObject({ status: 'fired', expected: 2 });
  expect(await until(api.arrivals('j'))).toEqual({ arrivals: [{ branch: 'a', data: [1] }] });
});

test('a join without an id has that of its message, whenever it comes again', async () => {
  const { queue, poll, api, until, table } = withPlace();
  await until(queue.sendBatch([{ body: JSON.stringify({ branches: ['a'] }) }]));
  await poll();
  const head = table.dump().find(({ key }) => key.sort === 'head');
  const joinId = head?.key.partition.replace('join/', '') ?? '';
  expect(await until(api.view(joinId))).toMatchObject({ status: 'waiting', missing: ['a'] });
});

test('an arrival that overtakes the message that makes its join waits for it', async () => {
  const { send, api, until, clock, poll, letters } = withPlace();
  await send({ joinId: 'j', branch: 'a' });
  await send({ joinId: 'j', branches: ['a'] });
  await clock.advance(VISIBILITY_MS);
  await poll();
  expect(await until(api.view('j'))).toMatchObject({ status: 'fired' });
  expect(await letters()).toEqual([]);
});

test('one whose join never comes is a dead letter after three receives, with the reason', async () => {
  const { send, clock, poll, letters } = withPlace();
  await send({ joinId: 'j', branch: 'a' });
  for (let receives = 1; receives < 3; receives += 1) {
    expect(await letters()).toEqual([]);
    await clock.advance(VISIBILITY_MS);
    await poll();
  }
  expect(await letters()).toMatchObject([{ attributes: { reason: "there is no join 'j'", attempts: '3' } }]);
});

test.each([
  ['no JSON', '{'],
  ['nothing known', { some: 'thing' }],
  ['no branches', { branches: [] }],
  ['both kinds', { branches: ['a'], open: true }],
  ['an unknown field', { branches: ['a'], deadline: 1 }],
  ['a bad id', { joinId: 'a b', branches: ['a'] }],
  ['a branch with NUL', { branches: ['a\0'] }],
  ['half a character', '{"branches":["\\ud800"]}'],
  ['a deadline of years', { branches: ['a'], deadlineMs: 1e12 }],
  ['a policy that is none', { branches: ['a'], deadlineMs: 1, onDeadline: 'shrug' }],
  ['a watch that counts beyond all numbers', { joinId: 'j', watch: { hop: 1e300, delayMs: 0 } }],
  ['a watch before all time', { joinId: 'j', watch: { hop: 0, delayMs: 0, startedAtMs: -1 } }],
  ['a watch behind all time', { joinId: 'j', watch: { hop: 0, delayMs: 0, startedAtMs: 1e300 } }],
  ['a prototype', '{"branches":["a"],"__proto__":{}}'],
])('%s is a dead letter at once', async (_, body) => {
  const { send, letters, queue } = withPlace();
  await send(body);
  expect(await letters()).toMatchObject([{ attributes: { reason: expect.stringContaining('invalid message') } }]);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
});

test.each([
  ['a number that no table takes', 1e300, /data.* to be a number of magnitude/],
  ['more than a record takes', 'x'.repeat(450_000), /data' to be at most 262144 bytes/],
  ['many small things', Array.from({ length: 140_000 }, () => 1), /data' to be at most/],
])('an arrival that brings along %s is a dead letter at once, and the next one counts', async (_, data, reason) => {
  const { send, letters, queue, api, until } = withPlace();
  await until(api.create('j', { branches: ['a'] }));
  await send({ joinId: 'j', branch: 'a', data });
  expect(await letters()).toMatchObject([{ attributes: { reason: expect.stringMatching(reason), attempts: '1' } }]);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
  await expect(until(api.arrive('j', 'a', data))).rejects.toThrow("Expected 'data'");
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting', arrived: 0 });
  await send({ joinId: 'j', branch: 'a', data: Array.from({ length: 131_000 }, () => 1) });
  expect(await until(api.view('j'))).toMatchObject({ status: 'fired' });
});

test.each([
  ['a branch that is a step of a path', { branches: ['a', '..'] }, "Expected 'branch' to be another name than"],
  ['a part with such a branch', { joinId: 'j', items: [{ id: '.' }] }, "Expected 'branch' to be another name than"],
  ['a policy without a deadline', { branches: ['a'], onDeadline: 'fire' }, "Expected 'deadlineMs' to be given"],
])('%s is a dead letter at once, and the reason says why', async (_, body, reason) => {
  const { send, letters, queue } = withPlace();
  await send(body);
  expect(await letters()).toMatchObject([{ attributes: { reason: expect.stringContaining(reason), attempts: '1' } }]);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
});

test('of two chains of watches one goes on', async () => {
  const { send, pass, queue, api, until } = withPlace();
  await until(api.create('j', { branches: ['a'] }));
  await send({ joinId: 'j', watch: { hop: 0, delayMs: 0 } });
  await send({ joinId: 'j', watch: { hop: 0, delayMs: 0 } });
  await pass(1_200_000, 5_000);
  const { visibleCount, inFlightCount, delayedCount } = await queue.depth();
  expect(visibleCount + inFlightCount + delayedCount).toBe(1);
});

test('a watch far ahead of all that were sent is a dead letter, and the deadline is kept all the same', async () => {
  const { send, pass, letters, api, until } = withPlace();
  await until(api.create('j', { branches: ['a'], deadlineMs: 60_000 }));
  await send({ joinId: 'j', watch: { hop: 1_000_000_000, delayMs: 0 } });
  expect(await letters()).toMatchObject([{ attributes: { reason: "join 'j' has sent no such watch" } }]);
  await pass(59_000);
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting' });
  await pass(2_000);
  expect(await until(api.view('j'))).toMatchObject({ status: 'failed' });
});

test('when the time of a join began is not told anew by a later watch', async () => {
  const { send, pass, api, until } = withPlace();
  await until(api.create('j', { branches: ['a'], deadlineMs: 600_000 }));
  await pass(30_000);
  for (let hop = 0; hop < 10; hop += 1) await send({ joinId: 'j', watch: { hop, delayMs: 0, startedAtMs: 0 } });
  await pass(560_000, 5_000);
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting' });
  await pass(15_000, 5_000);
  expect(await until(api.view('j'))).toMatchObject({ status: 'failed' });
});

test('a watch that says to have been held back for longer than it was brings no deadline forward', async () => {
  const { send, pass, api, until } = withPlace();
  await until(api.create('j', { branches: ['a'], deadlineMs: 900_000 }));
  await send({ joinId: 'j', watch: { hop: 0, delayMs: 900_000 } });
  await pass(20_000);
  for (const hop of [0, 1, 2, 3, 4, 5]) await send({ joinId: 'j', watch: { hop, delayMs: 900_000 } });
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting' });
  await pass(870_000, 5_000);
  expect(await until(api.view('j'))).toMatchObject({ status: 'waiting' });
});

test('a watch of a join that is not there ends', async () => {
  const { send, queue, letters } = withPlace();
  await send({ joinId: 'gone', watch: { hop: 3, delayMs: 5_000, startedAtMs: 1 } });
  expect(await queue.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
  expect(await letters()).toEqual([]);
});

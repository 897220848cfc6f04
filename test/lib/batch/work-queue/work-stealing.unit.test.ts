import { failuresOf } from '#batch/partial-batch';
import { fullestOther, workStealing, type WorkStealingOptions } from '#batch/work-queue/work-stealing';
import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { quiet } from './world.ts';

const place = (options: { readonly intercept?: Intercept; readonly work?: WorkStealingOptions['work'] } = {}) => {
  const clock = memoryClock();
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept });
  const shards = ['a', 'b', 'c'].map((name) => memoryQueue({ name, clock, wire, visibilityMs: 30_000 }));
  const done: string[] = [];
  const work: WorkStealingOptions['work'] = async (messages, { name }) => {
    done.push(...messages.map(({ body }) => `${body} of ${name}`));
    return failuresOf([]);
  };
  const stealing = workStealing({ shards, work: options.work ?? work, clock, log: quiet });
  const send = (shard: number, count: number) =>
    shards[shard]?.sendBatch(Array.from({ length: count }, (_, n) => ({ body: String(n) })));
  const left = async () => Promise.all(shards.map(async (queue) => (await queue.depth()).visibleCount));
  return { clock, wire, shards, stealing, done, send, left };
};

test('a worker takes its own work first, then that of the fullest other, and deletes it there', async () => {
  const { stealing, send, left, clock } = place();
  await send(0, 3);
  await send(1, 15);
  await send(2, 25);
  expect(await stealing.turn(0)).toBe('worked');
  expect(await left()).toEqual([0, 15, 25]);
  expect(await stealing.turn(0)).toBe('stole');
  expect(await left()).toEqual([0, 15, 15]);
  await clock.advance(2_000);
  expect(await stealing.turn(0)).toBe('stole');
  expect(await stealing.turn(0)).toBe('stole');
  expect(await left()).toEqual([0, 5, 5]);
  await clock.advance(2_000);
  // Less than a batch is not worth the way.
  expect(await stealing.turn(0)).toBe('idle');
});

test('own work costs two calls a batch; stolen three, and a look at each other shard once in a while', async () => {
  const { stealing, send, wire } = place();
  await send(1, 100);
  wire.resetCounts();
  await stealing.turn(1);
  expect(wire.counts()).toEqual({ 'sqs.ReceiveMessage': 1, 'sqs.DeleteMessageBatch': 1 });
  wire.resetCounts();
  await stealing.turn(0);
  await stealing.turn(0);
  expect(wire.counts()).toEqual({
    'sqs.ReceiveMessage.empty': 2,
    'sqs.GetQueueAttributes': 2,
    'sqs.ReceiveMessage': 2,
    'sqs.DeleteMessageBatch': 2,
  });
});

test('what was stolen and failed stays in the queue that it came from', async () => {
  const { stealing, send, clock, left } = place({
    work: async (messages) => failuresOf(messages.slice(0, 4).map(({ id }) => id)),
  });
  await send(1, 10);
  expect(await stealing.turn(0)).toBe('stole');
  await clock.advance(30_001);
  expect(await left()).toEqual([0, 4, 0]);
});

test('a shard that cannot be asked is not stolen from, and hides no other', async () => {
  const { stealing, send, done } = place({
    intercept: async ({ operation, name }, apply) => {
      if (operation === 'sqs.GetQueueAttributes' && name === 'b') throw new UnavailableError('b');
      return apply();
    },
  });
  await send(1, 50);
  await send(2, 20);
  expect(await stealing.turn(0)).toBe('stole');
  expect(done[0]).toMatch(/ of c$/);
});

test('workers of all shards together empty one that got it all, and stop when told to', async () => {
  const { stealing, send, clock, done, left } = place({});
  await send(1, 200);
  const stop = new AbortController();
  const loops = [0, 1, 2].map((shard) => stealing.run(shard, { idleMs: 500, signal: stop.signal }));
  await clock.advance(10_000);
  expect(await left()).toEqual([0, 0, 0]);
  expect(done).toHaveLength(200);
  stop.abort();
  await clock.until(Promise.all(loops));
});

test('an error of the work costs its messages nothing but time, and ends no loop', async () => {
  let isBroken = true;
  const { stealing, send, clock, left } = place({
    work: async () => {
      if (isBroken) throw new Error('broken');
      return failuresOf([]);
    },
  });
  await send(0, 5);
  const stop = new AbortController();
  const loop = stealing.run(0, { idleMs: 500, signal: stop.signal });
  await clock.advance(5_000);
  isBroken = false;
  await clock.advance(60_000);
  expect(await left()).toEqual([0, 0, 0]);
  stop.abort();
  await clock.until(loop);
});

test('the fullest other is never the own shard, nor one below the bound', () => {
  expect(fullestOther([9, 5, 7], 0, 1)).toBe(2);
  expect(fullestOther([9, 5, 7], 2, 1)).toBe(0);
  expect(fullestOther([7, 7, 0], 2, 1)).toBe(0);
  expect(fullestOther([0, undefined, 4], 0, 5)).toBeUndefined();
  expect(fullestOther([0, 0, 0], 0, 1)).toBeUndefined();
});

test.each([
  ['one shard', { shards: [] }, "'shards'"],
  ['too many at a time', { maxCount: 11 }, "'maxCount'"],
  ['an option that is not known', { speed: 1 }, "'options'"],
])('%s is refused', (_, change, name) => {
  const { shards, clock } = place();
  const options = { shards, work: async () => failuresOf([]), clock, log: quiet, ...change };
  expect(() => workStealing(options)).toThrow(`Expected ${name}`);
});

test('FIFO queues are refused: two workers in a group would end its order', () => {
  const clock = memoryClock();
  const wire = memoryWire({});
  const shards = ['a.fifo', 'b.fifo'].map((name) => memoryQueue({ name, clock, wire }));
  const options = { shards, work: async () => failuresOf([]), clock, log: quiet };
  expect(() => workStealing(options)).toThrow("Expected 'shards' to be standard queues");
});

import * as v from 'valibot';
import { multiWorker } from '#batch/work-queue/multi-worker';
import { PermanentFailure, SkippedItem, type Worker } from '#batch/work-queue/types';
import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { Json } from '#primitives/table';
import { someItems, world } from './world.ts';

const KEEP_MS = 30 * 86_400_000;
const JOB = 'job-1';

/** Workers that note what they did, one of which fails as it is told to; and a world in which they stand as one. */
const place = (fails: { times: number; error: Error }) => {
  const runs: string[] = [];
  const part = (name: string, run: (id: string) => Json): Worker => ({
    name,
    payload: v.unknown(),
    run: async ({ id }) => {
      runs.push(`${name} ${id}`);
      return run(id);
    },
  });
  const clock = memoryClock();
  const wire = memoryWire({});
  const markers = memoryTable({ name: 'markers', clock, wire });
  const parts = [
    part('tag', (id) => ({ tags: [id] })),
    part('blur', () => {
      fails.times -= 1;
      if (fails.times >= 0) throw fails.error;
      return 'blurred';
    }),
    part('none', () => {
      throw new SkippedItem('nothing to do');
    }),
  ];
  const worker = multiWorker({ name: 'all', parts, markers, clock, random: seededRandom(1), keepMs: KEEP_MS });
  return { runs, wire, markers, w: world({ workers: [worker] }), parts };
};

test('an item is acknowledged once, when all parts are done, and costs no call more than one worker does', async () => {
  const { runs, wire, w } = place({ times: 0, error: new Error('never') });
  await w.api.createJob(JOB, { worker: 'all', items: someItems(3) });
  await w.drain();
  expect(runs).toHaveLength(9);
  expect(wire.counts()).toEqual({});
  expect(await w.allResults(JOB)).toContainEqual({
    id: 'item-1',
    status: 'done',
    output: { tag: { tags: ['item-1'] }, blur: 'blurred', none: null },
    attempts: 1,
  });
});

test('the failure of one part is tried again for that part alone', async () => {
  const { runs, wire, w } = place({ times: 2, error: new Error('not now') });
  await w.api.createJob(JOB, { worker: 'all', items: someItems(1) });
  await w.drain();
  expect(runs.toSorted()).toEqual(['blur item-0', 'blur item-0', 'blur item-0', 'none item-0', 'tag item-0']);
  expect(wire.counts()).toEqual({ 'dynamodb.UpdateItem': 1, 'dynamodb.GetItem': 2 });
  expect(await w.allResults(JOB)).toEqual([
    { id: 'item-0', status: 'done', output: { tag: { tags: ['item-0'] }, blur: 'blurred', none: null }, attempts: 3 },
  ]);
});

test('a part that never will succeed makes a dead letter with its name; a redrive does that part alone', async () => {
  const { runs, w } = place({ times: 1, error: new PermanentFailure('no such filter') });
  await w.api.createJob(JOB, { worker: 'all', items: someItems(1) });
  await w.drain();
  expect((await w.api.deadLetters())?.deadLetters).toEqual([
    expect.objectContaining({ reason: 'blur: no such filter' }),
  ]);
  await w.startRedrive('redrive', {});
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 1, failed: 0 });
  expect(runs.filter((run) => run.startsWith('tag'))).toHaveLength(1);
});

test('a payload that one part cannot read is that part’s failure, and permanent', async () => {
  const { w, markers } = place({ times: 0, error: new Error('never') });
  const picky: Worker<number> = { name: 'picky', payload: v.number(), run: async ({ payload }) => payload };
  const worker = multiWorker({
    name: 'both',
    parts: [picky],
    markers,
    clock: w.clock,
    random: seededRandom(1),
    keepMs: KEEP_MS,
  });
  const other = world({ workers: [worker] });
  await other.api.createJob(JOB, {
    worker: 'both',
    items: [
      { id: 'a', payload: 'x' },
      { id: 'b', payload: 7 },
    ],
  });
  await other.drain();
  const results = new Map((await other.allResults(JOB)).map((result) => [result.id, result]));
  expect(results.get('a')).toMatchObject({ status: 'failed', attempts: 1, reason: expect.stringContaining('picky: ') });
  expect(results.get('b')).toMatchObject({ status: 'done', output: { picky: 7 } });
});

test('what no item could ask for is refused when it is made', () => {
  const { parts, markers } = place({ times: 0, error: new Error('never') });
  const make = (change: object) => () =>
    multiWorker({
      name: 'all',
      parts,
      markers,
      clock: memoryClock(),
      random: seededRandom(1),
      keepMs: KEEP_MS,
      ...change,
    });
  expect(make({ parts: [] })).toThrow("Expected 'parts'");
  expect(make({ parts: [...parts, ...parts.slice(0, 1)] })).toThrow(
    "Expected 'parts' to be workers of different names",
  );
  expect(make({ keepMs: 1 })).toThrow("Expected 'keepMs'");
  expect(make({ speed: 1 })).toThrow("Expected 'options'");
});

test('what a primitive calls invalid is permanent for a part as it is for a worker', async () => {
  const { runs, w } = place({ times: 9, error: new InvalidArgumentError('no such key') });
  await w.api.createJob(JOB, { worker: 'all', items: someItems(1) });
  await w.drain();
  expect(await w.allResults(JOB)).toMatchObject([{ status: 'failed', attempts: 1, reason: 'blur: no such key' }]);
  expect(runs.filter((run) => run.startsWith('blur'))).toHaveLength(1);
});

test.each(['a"b', 'a\\b', 'a\nb', '\u0007'])('a part by a name that JSON escapes is refused: %j', (name) => {
  const { parts, markers } = place({ times: 0, error: new Error('never') });
  const [first] = parts;
  if (first === undefined) throw new Error('No part.');
  const options = { name: 'all', markers, clock: memoryClock(), random: seededRandom(1), keepMs: KEEP_MS };
  expect(() => multiWorker({ ...options, parts: [{ ...first, name }] })).toThrow(
    "Expected 'parts' to be of names that JSON writes without an escape",
  );
});

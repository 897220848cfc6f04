import { recordWorker } from '#batch/work-queue/record-worker';
import type { Worker } from '#batch/work-queue/types';
import type { Clock } from '#primitives/clock';
import type { Json } from '#primitives/table';
import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { TransactionConflictError } from '#primitives/memory/table';
import type { Intercept, Operation } from '#primitives/memory/wire';
import { itemIdOf, someItems, world } from './world.ts';

const JOB = 'job-1';
const IDS = someItems(23).map(({ id }) => id);
const BAD = 'item-4';
const payloadOf = (index: number) => (index === 4 ? { fail: 'always' } : index === 7 ? { fail: 'once' } : { n: index });
const ITEMS = someItems(23, payloadOf);

/** Does what a payload says, or, with the payload of an object in a bucket, what the item's number says. */
const worker = (clock: Clock): Worker<Json> => {
  const record = recordWorker({ clock, misbehaves: true });
  return {
    ...record,
    run: (item, context) => record.run({ ...item, payload: payloadOf(Number(item.id.slice('item-'.length))) }, context),
  };
};

type World = ReturnType<typeof world>;

/** Repeats a call as a client does that got no answer; meanwhile the functions were started again. */
type Insist = (call: () => Promise<unknown>) => Promise<void>;

const insistent =
  (w: World, restart: () => void): Insist =>
  async (call) => {
    for (let tries = 1; ; tries += 1) {
      try {
        await w.clock.until(call());
        return;
      } catch (error) {
        if (tries === 5) throw error;
        restart();
      }
    }
  };

const SCENARIOS = {
  list: async (w: World, insist: Insist) => {
    await insist(() => w.api.createJob(JOB, { worker: 'record', items: [...ITEMS, ...someItems(3, payloadOf)] }));
  },
  parts: async (w: World, insist: Insist) => {
    await insist(() => w.api.createJob(JOB, { worker: 'record', open: true }));
    await insist(() => w.api.addItems(JOB, 'p1', ITEMS.slice(0, 15)));
    await insist(() => w.api.addItems(JOB, 'p2', ITEMS.slice(5)));
    await insist(() => w.api.closeJob(JOB));
  },
  bucket: async (w: World, insist: Insist) => {
    for (const { id } of ITEMS) await insist(() => w.media.put(id, new Uint8Array([1])));
    await insist(() => w.api.createJob(JOB, { worker: 'record', source: { bucket: 'media', prefix: 'item-' } }));
  },
} as const;

type Mode = 'crash before' | 'crash after' | 'lost answer' | 'unavailable' | 'conflict';

/** What the k-th write meets. A crash takes all later calls of the same invocation with it. */
const fault = (mode: Mode, k: number, isFaulty: (operation: Operation) => boolean) => {
  let count = 0;
  let isDown = false;
  let isWatching = false;
  let watch: (() => Promise<void>) | undefined;
  const intercept: Intercept = async (operation, apply) => {
    if (isWatching) return apply();
    if (isDown) throw new Error('The process is gone.');
    if (!operation.isWrite) return apply();
    const isHit = isFaulty(operation) && ++count === k;
    if (isHit && mode === 'crash before') {
      isDown = true;
      throw new Error('Crashed.');
    }
    if (isHit && mode === 'unavailable') throw new UnavailableError('k-th write');
    if (isHit && mode === 'conflict' && operation.operation.startsWith('dynamodb.Transact'))
      throw new TransactionConflictError();
    const answer = await apply();
    isWatching = true;
    await watch?.();
    isWatching = false;
    if (isHit && mode === 'lost answer') throw new OutcomeUnknownError('k-th write');
    if (isHit && mode === 'crash after') {
      isDown = true;
      throw new Error('Crashed.');
    }
    return answer;
  };
  return {
    intercept,
    restart: () => {
      isDown = false;
    },
    watch: (check: () => Promise<void>) => {
      watch = check;
    },
    writes: () => count,
  };
};

/** Runs a scenario against one fault and holds what came out, and every state on the way, to the promises. */
const run = async (name: keyof typeof SCENARIOS, mode: Mode, k: number): Promise<number> => {
  const faults = fault(mode, k, ({ operation }) => operation !== 'sqs.ReceiveMessage');
  const w = world({ intercept: faults.intercept, seed: k, planMs: 0, worker, onStep: async () => faults.restart() });
  let done = 0;
  faults.watch(async () => {
    const progress = await w.api.progress(JOB);
    if (progress === undefined) return;
    const { status, total, pending, inFlight, failed } = progress;
    expect(progress.done).toBeGreaterThanOrEqual(done);
    expect(Math.min(pending, inFlight, failed)).toBeGreaterThanOrEqual(0);
    if (total === null) expect(status).toBe('planning');
    else expect(pending + inFlight + progress.done + failed).toBe(total);
    ({ done } = progress);
  });
  await SCENARIOS[name](w, insistent(w, faults.restart));
  faults.restart();
  await w.drain();

  const effects = new Map(w.effects.dump().map(({ key, fields }) => [key.partition, fields]));
  expect([...effects.keys()].toSorted()).toEqual(IDS.map((id) => `${JOB}/${id}`).toSorted());
  expect(effects.get(`${JOB}/${BAD}`)?.status).toBe('failed');
  expect(await w.api.progress(JOB)).toEqual({
    status: 'done-with-failures',
    total: 23,
    pending: 0,
    inFlight: 0,
    done: 22,
    failed: 1,
  });
  const results = await w.allResults(JOB);
  expect(results.map(({ id }) => id).toSorted()).toEqual(IDS.toSorted());
  const letters = await w.deadLetters();
  expect(new Set(letters.map(itemIdOf))).toEqual(new Set([BAD]));
  expect(letters.every(({ attributes }) => attributes.jobId === JOB && attributes.reason !== undefined)).toBe(true);
  expect(await w.plansDead.depth()).toMatchObject({ visibleCount: 0 });
  return faults.writes();
};

describe.each(['list', 'parts', 'bucket'] as const)('a job from %s', (name) => {
  test.each<Mode>(['crash before', 'crash after', 'lost answer', 'unavailable', 'conflict'])(
    'loses nothing and does nothing twice, whichever write meets: %s',
    async (mode) => {
      const writes = await run(name, mode, 0);
      expect(writes).toBeGreaterThan(20);
      for (let k = 1; k <= writes; k += 1) {
        try {
          await run(name, mode, k);
        } catch (error) {
          throw new Error(`At write ${k}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        }
      }
    },
  );
});

import { batchWorker } from '#batch/work-queue/batch-worker';
import { bury } from '#batch/work-queue/bury';
import { buryPlan } from '#batch/work-queue/bury-plan';
import { planner } from '#batch/work-queue/planner';
import { redrive } from '#batch/work-queue/redrive';
import { workQueue } from '#batch/work-queue/work-queue';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { quiet } from './world.ts';

const clock = memoryClock();
const [table, queue] = [memoryTable({ name: 'table', clock }), memoryQueue({ name: 'queue', clock })];
const common = { jobs: table, effects: table, clock, random: seededRandom(1), log: quiet, keepMs: 30 * 24 * 3_600_000 };
const counted = { ...common, deadLetters: queue, maxReceiveCount: 3 };
/** Each function of the work queue, with options that it takes. */
const FUNCTIONS: readonly (readonly [string, (options: never) => unknown, object])[] = [
  ['workQueue', workQueue, { ...common, plans: queue }],
  ['planner', planner, { ...common, items: queue, plans: queue, deadLetters: queue, sourceOf: () => ({}) }],
  ['batchWorker', batchWorker, { ...counted, undeliverable: queue, workers: [], leaseMs: 1_000 }],
  ['bury', bury, counted],
  ['buryPlan', buryPlan, counted],
  ['redrive', redrive, { ...common, redrives: queue, deadLetters: queue, routes: [] }],
];

/** Of what all are given, what one has no use for. */
const UNUSED: Readonly<Record<string, readonly string[]>> = {
  workQueue: ['log'],
  planner: ['effects'],
  batchWorker: ['deadLetters'],
  buryPlan: ['effects', 'keepMs'],
};

describe.each(FUNCTIONS)('%s', (called, make, options) => {
  const needed = Object.keys(options).filter((name) => UNUSED[called]?.includes(name) !== true);

  test('takes what it needs', () => {
    expect(() => make(options as never)).not.toThrow();
  });

  test.each(needed)("without '%s', or with something else for it, it says so at once", (name) => {
    expect(() => make({ ...options, [name]: undefined } as never)).toThrow(`Expected '${name}' to be `);
    expect(() => make({ ...options, [name]: { get: 1 } } as never)).toThrow(`Expected '${name}' to be `);
  });

  test('of nothing at all it wants an object', () => {
    expect(() => make(undefined as never)).toThrow("Expected 'options' to be an object, got undefined.");
  });
});

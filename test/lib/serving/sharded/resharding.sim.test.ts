import type { Operation } from '#primitives/memory/wire';
import { seeds, SimulationFailure, sweep } from '#simulation/sweep';
import { slotTable } from '#serving/sharded/slot-table';
import { shardName } from './cluster.ts';
import { carefulSteps, MISTAKES, planted, type Mistake } from './planted.ts';
import { reshardingScenario, type SimulatedOptions } from './simulated.ts';

/** Four keys that move when `shard-4` comes, and two that stay. */
const before = slotTable({ shards: [0, 1, 2, 3].map(shardName), slotBits: 4 });
const after = before.with({ name: 'shard-4', weight: 4 });
const some = Array.from({ length: 600 }, (_, at) => `k${at}`);
const moves = (key: string): boolean => before.shardOf(key) !== after.shardOf(key);
const keys = [...some.filter(moves).slice(0, 4), ...some.filter((key) => !moves(key)).slice(0, 2)];
const load = { keys, clientCount: 3, opCount: 14 } as const;
const grow: SimulatedOptions = { ...load, changes: [{ kind: 'add', name: 'shard-4', weight: 4 }] };
const shrink: SimulatedOptions = { ...load, changes: [{ kind: 'remove', name: 'shard-2' }] };
const changes = [
  { kind: 'add', name: 'shard-4', weight: 2 },
  { kind: 'remove', name: 'shard-1' },
  { kind: 'add', name: 'shard-1' },
  { kind: 'remove', name: 'shard-4' },
  { kind: 'add', name: 'shard-4', weight: 2 },
] as const;
/** Two keys, that many meet at. */
const few: SimulatedOptions = { ...load, keys: some.filter(moves).slice(0, 2), changes };
/** So many that most are written for the first time, some of them while they move. */
const fresh: SimulatedOptions = { ...load, keys: some.filter(moves).slice(0, 100), changes };
const isWrite = ({ isWrite: writes }: Operation): boolean => writes;

test('4 → 5 shards under continuous load, killed before and after every write: no lost write, no stale read', async () => {
  const { callCount } = await sweep(reshardingScenario(grow), { kinds: ['crash', 'crash-after'] });
  expect(callCount).toBeGreaterThan(20);
}, 240_000);

test('the same where every call may be the last of its plan: its driver leaves the rest to a message', async () => {
  const { callCount } = await sweep(reshardingScenario({ ...grow, driveMs: 0 }), {
    kinds: ['crash'],
    where: () => true,
  });
  expect(callCount).toBeGreaterThan(100);
}, 240_000);

test('the same with answers that are lost, and writes that land long after they were given up', async () => {
  const { callCount } = await sweep(reshardingScenario(grow), {
    kinds: ['lose-answer', 'late', 'duplicate', 'conflict'],
    where: isWrite,
  });
  expect(callCount).toBeGreaterThan(20);
}, 240_000);

test('a shard leaves under continuous load, killed before and after every write', async () => {
  const { callCount } = await sweep(reshardingScenario(shrink), { kinds: ['crash', 'crash-after', 'late'] });
  expect(callCount).toBeGreaterThan(20);
}, 240_000);

test('copies are as good as what they are copies of, in 40 seeds with everything mixed', async () => {
  const { faultCount } = await seeds(reshardingScenario({ ...few, copyCount: 1 }), { count: 40 });
  expect(faultCount).toBeGreaterThan(150);
}, 240_000);

test.each([
  ['few', few, 8],
  ['fresh', fresh, 2],
] as const)(
  'shards come, go and come back under %s keys, in 40 seeds with everything mixed',
  async (_which, options, faultLimitCount) => {
    const { faultCount } = await seeds(reshardingScenario(options), { count: 40, faultLimitCount });
    expect(faultCount).toBeGreaterThan(40);
  },
  240_000,
);

describe('the check sees what is wrong within 60 seeds', () => {
  const onFresh: readonly Mistake[] = ['a writer does not look at the fence'];

  test.each(MISTAKES)(
    '%s',
    async (mistake) => {
      const [options, faultLimitCount] = onFresh.includes(mistake) ? [fresh, 2] : [few, 8];
      const scenario = reshardingScenario({ ...options, host: planted(mistake) });
      await expect(seeds(scenario, { count: 60, faultLimitCount })).rejects.toThrow(SimulationFailure);
    },
    240_000,
  );

  test('and lets pass what is right: a copy and a delete, each under its condition', async () => {
    const { faultCount } = await seeds(reshardingScenario({ ...few, host: carefulSteps }), { count: 30 });
    expect(faultCount).toBeGreaterThan(100);
  }, 240_000);
});

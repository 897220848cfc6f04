import type { Operation } from '#primitives/memory/wire';
import { seeds, SimulationFailure, sweep } from '#simulation/sweep';
import { slotTable } from '#serving/sharded/slot-table';
import { shardName } from './cluster.ts';
import { planted, type Mistake } from './planted.ts';
import { reshardingScenario, type SimulatedOptions } from './simulated.ts';

/** Four keys that move when `shard-4` comes, and two that stay. */
const before = slotTable({ shards: [0, 1, 2, 3].map(shardName), slotBits: 4 });
const after = before.with({ name: 'shard-4', weight: 4 });
const some = Array.from({ length: 60 }, (_, at) => `k${at}`);
const moves = (key: string): boolean => before.shardOf(key) !== after.shardOf(key);
const keys = [...some.filter(moves).slice(0, 4), ...some.filter((key) => !moves(key)).slice(0, 2)];
const load = { keys, clientCount: 3, opCount: 14 } as const;
const grow: SimulatedOptions = { ...load, changes: [{ kind: 'add', name: 'shard-4', weight: 4 }] };
const shrink: SimulatedOptions = { ...load, changes: [{ kind: 'remove', name: 'shard-2' }] };
const both: SimulatedOptions = {
  ...load,
  keys: load.keys.slice(0, 3),
  changes: [
    { kind: 'add', name: 'shard-4', weight: 2 },
    { kind: 'remove', name: 'shard-1' },
    { kind: 'add', name: 'shard-1' },
  ],
};
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

test('copies are as good as what they are copies of, in 60 seeds with everything mixed', async () => {
  const { faultCount } = await seeds(reshardingScenario({ ...both, copyCount: 1 }), { count: 60 });
  expect(faultCount).toBeGreaterThan(200);
}, 240_000);

test('shards come, go and come back under few keys, in 80 seeds with everything mixed', async () => {
  const { faultCount } = await seeds(reshardingScenario(both), { count: 80 });
  expect(faultCount).toBeGreaterThan(300);
}, 240_000);

describe('what is wrong is caught', () => {
  test.each<Mistake>(['no fence', 'no condition', 'reads one place only'])(
    '%s',
    async (mistake) => {
      const scenario = reshardingScenario({ ...both, copyCount: 0, host: planted(mistake) });
      await expect(seeds(scenario, { count: 40, faultLimitCount: 2 })).rejects.toThrow(SimulationFailure);
    },
    240_000,
  );
});

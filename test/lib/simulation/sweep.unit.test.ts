import type { World } from '#simulation/world';
import { replay, seeds, SimulationFailure, sweep } from '#simulation/sweep';

/** Twenty writes of one client, which go on whatever happens. */
const writeALot = async (w: World): Promise<void> => {
  const table = w.table('t');
  await w.client(async () => {
    for (let n = 0; n < 20; n += 1)
      await table.put({ key: { partition: 'p', sort: `${n}` }, fields: {} }).catch(() => n);
  });
};

const failureOf = async (run: Promise<unknown>): Promise<SimulationFailure> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof SimulationFailure) return error;
    throw error;
  }
  throw new Error('Nothing failed.');
};

test('a sweep hits every write once with each kind that makes sense for it', async () => {
  const hits: string[] = [];
  const { callCount, runCount } = await sweep(
    async (w) => {
      await writeALot(w);
      hits.push(...w.injected().map(({ kind, call }) => `${kind} ${call}`));
    },
    { kinds: ['error', 'lose-answer', 'partial'] },
  );
  expect({ callCount, runCount }).toEqual({ callCount: 20, runCount: 41 });
  expect(new Set(hits).size).toBe(40);
});

test('a sweep tells the first run that fails: without faults, or with the one', async () => {
  const broken = await failureOf(sweep(() => Promise.reject(new Error('always'))));
  expect(broken.message).toMatch(/^always\nSeed 1, faults: none\n/);
  const scenario = async (w: World): Promise<void> => {
    await writeALot(w);
    if (w.injected().some(({ kind, call }) => kind === 'error' && call === 13)) throw new Error('unlucky');
  };
  const unlucky = await failureOf(sweep(scenario));
  expect(unlucky.message).toMatch(/^unlucky\nSeed 1, faults: error at call 13, dynamodb.PutItem of t\n/);
  await expect(replay(scenario, unlucky.run)).rejects.toThrow('unlucky');
});

test('seeds leave out of a failing schedule every fault that the failure does not need', async () => {
  const scenario = async (w: World): Promise<void> => {
    await writeALot(w);
    const kinds = w.injected().map(({ kind }) => kind);
    if (kinds.includes('error') && kinds.includes('hang')) throw new Error('both');
  };
  const faults = () => [
    { kind: 'error', rate: 0.3 } as const,
    { kind: 'lose-answer', rate: 0.3 } as const,
    { kind: 'hang', rate: 0.1 } as const,
  ];
  const failure = await failureOf(seeds(scenario, { count: 50, faultLimitCount: 20, faults }));
  expect(failure.injected.map(({ kind }) => kind).toSorted()).toEqual(['error', 'hang']);
  await expect(replay(scenario, failure.run)).rejects.toThrow('both');
});

test('seeds inject no more faults than they may, and tell which', async () => {
  let most = 0;
  const { faultCount, kinds } = await seeds(
    async (w) => {
      await writeALot(w);
      most = Math.max(most, w.injected().length);
    },
    { count: 60, faultLimitCount: 3 },
  );
  expect(most).toBe(3);
  expect(faultCount).toBeGreaterThan(20);
  expect(kinds.has('partial')).toBe(false);
});

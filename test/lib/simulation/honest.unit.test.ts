import { holdAll, lost, twice } from '#simulation/checkers';
import { replay, seeds, SimulationFailure, sweep, type Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';

const record = (sort: string) => ({ key: { partition: 'p', sort }, fields: {} });
const put = (w: World, sort = 'a') => w.client(() => w.table('t').put(record(sort)));
const failureOf = async (run: Promise<unknown>): Promise<SimulationFailure> => {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof SimulationFailure) return error;
  throw new Error('It did not fail so.', { cause: error });
};
const NOTHING = { code: 'simulation/nothing-tried' };

describe('what was not tried did not hold', () => {
  const direct: Scenario = async (w) => {
    await w.table('t').put(record('a'));
  };

  test.each<[string, Scenario, Parameters<typeof sweep>[1]]>([
    ['a call of the scenario itself', direct, {}],
    ['such a call that time passes for', (w) => w.until(direct(w)), {}],
    ['no kinds', (w) => put(w).then(() => undefined), { kinds: [] }],
    ['kinds that make no sense there', (w) => put(w).then(() => undefined), { kinds: ['partial'] }],
    ['no call that is wanted', (w) => put(w).then(() => undefined), { where: ({ name }) => name === 'other' }],
  ])('a sweep over %s says so', async (_, scenario, options) => {
    await expect(sweep(scenario, options)).rejects.toMatchObject(NOTHING);
  });

  test.each([
    ['a place that is not there', () => [{ kind: 'error', at: 'table/other' } as const]],
    ['a call that never comes', () => [{ kind: 'error', call: 99 } as const]],
  ])('seeds with faults at %s say so', async (_, faults) => {
    await expect(seeds((w) => put(w).then(() => undefined), { count: 20, faults })).rejects.toMatchObject(NOTHING);
  });

  test('seeds without faults are seeds that were asked for', async () => {
    const scenario: Scenario = (w) => put(w).then(() => undefined);
    expect((await seeds(scenario, { count: 5, faultLimitCount: 0 })).faultCount).toBe(0);
    expect((await seeds(scenario, { count: 5, faults: () => [] })).faultCount).toBe(0);
  });

  test('a kind that does not exist, and seeds outside of their range, are refused by name', async () => {
    const scenario: Scenario = () => Promise.reject(new Error('it ran'));
    await expect(sweep(scenario, { kinds: ['crahs' as 'crash'] })).rejects.toThrow(/'kinds'.*crahs/);
    for (const from of [Number.NaN, -1, 1.5, 2 ** 32 - 1])
      await expect(seeds(scenario, { count: 2, from })).rejects.toThrow("'from'");
  });
});

test('what a watcher finds is a failure, also where nobody waits for quiet', async () => {
  const scenario: Scenario = async (w) => {
    w.watch(() => Promise.reject(new Error('seen')));
    await put(w);
  };
  const failure = await failureOf(sweep(scenario));
  expect(failure.message).toMatch(/^seen\nSeed 1, faults: none\n/);
  await expect(replay(scenario, failure.run)).rejects.toThrow('seen');
});

describe('a failure is told as it was seen', () => {
  /** Loses by errors, and does twice by lost answers. */
  const twoFaults: Scenario = async (w) => {
    const kinds: string[] = [];
    for (const id of ['a', 'b', 'c', 'd']) {
      await put(w, id);
      kinds.push(...w.injected().map(({ kind }) => kind));
    }
    const seen = ['a', 'b', ...(kinds.includes('error') ? [] : ['c']), ...(kinds.includes('lose-answer') ? ['a'] : [])];
    holdAll(twice(seen), lost(['a', 'b', 'c'], seen));
  };

  test('the shrinker keeps what is wrong, not only that something is', async () => {
    const sorts = new Set<string>();
    for (let from = 1; from < 60; from += 1) {
      const first = await failureOf(
        seeds(twoFaults, {
          count: 1,
          from,
          faults: () => [
            { kind: 'error', rate: 0.3 },
            { kind: 'lose-answer', rate: 0.3 },
          ],
        }),
      ).catch(() => undefined);
      if (first === undefined) continue;
      const [kind] = first.injected.map((fault) => fault.kind);
      expect(first.injected).toHaveLength(1);
      expect(first.message).toMatch(kind === 'error' ? /^lost: c\n/ : /^2 times: a\n/);
      sorts.add(kind ?? '');
    }
    expect([...sorts].toSorted()).toEqual(['error', 'lose-answer']);
  });

  test('what seeds saw first is what they tell in the end', async () => {
    // Both at once: `2 times` is what is told first, although `lost` needs no fewer faults.
    const both = () => [{ kind: 'lose-answer', call: 1 } as const, { kind: 'error', call: 3 } as const];
    const failure = await failureOf(seeds(twoFaults, { count: 1, faults: both }));
    expect(failure.message).toMatch(/^2 times: a\n/);
    expect(failure.injected.map(({ kind }) => kind)).toEqual(['lose-answer']);
  });

  test('functions that failed by themselves are part of it', async () => {
    const scenario: Scenario = async (w) => {
      const dead = w.queue('dead');
      const queue = w.queue('q', { deadLetter: { queue: dead, maxReceiveCount: 2 } });
      const boot = () => {
        throw new RangeError('KEEP_MS is missing');
      };
      w.source({ queue, function: w.function({ name: 'consumer', boot }) });
      await w.send(queue, [{ body: 'a' }]);
      await w.untilQuiet();
      holdAll(lost(['a'], []));
    };
    const { message } = await failureOf(sweep(scenario));
    expect(message).toMatch(/^lost: a\n/);
    expect(message).toMatch(/\nFunction consumer failed 2 times, at last by: KEEP_MS is missing$/);
  });

  test('what no text is made of is told all the same', async () => {
    const thrown = Object.create(null) as object;
    const scenario: Scenario = () => Promise.reject(thrown);
    expect((await failureOf(sweep(scenario))).message).toMatch(/^\[Object: null prototype\] \{\}\nSeed 1/);
  });
});

describe('a scenario that keeps something for the next run is found out', () => {
  test('by a sweep whose fault meets another call, or none', async () => {
    let runs = 0;
    const scenario: Scenario = async (w) => {
      runs += 1;
      await put(w);
      if (runs === 1) await put(w, 'b');
    };
    await expect(sweep(scenario, { kinds: ['lose-answer'] })).rejects.toMatchObject({
      code: 'simulation/not-repeatable',
      message: expect.stringContaining('call 2 was dynamodb.PutItem of t, and now is none'),
    });
  });

  test('by a failure that does not come again', async () => {
    let runs = 0;
    const scenario: Scenario = async (w) => {
      runs += 1;
      await put(w);
      if (runs === 5) throw new Error('the fifth run');
    };
    for (const run of [sweep(scenario), seeds(scenario, { count: 20 })]) {
      runs = 0;
      await expect(run).rejects.toMatchObject({
        code: 'simulation/not-repeatable',
        message: expect.stringContaining('the fifth run'),
      });
    }
  });
});

test('an iterator that a checker has read is no list for a second one', () => {
  const seen = new Map([['x', 'a']]).values();
  const holds = (): void => holdAll(lost(['a'], seen), twice(seen));
  expect(holds).toThrow("'seen'");
  expect(twice(['a', 'b'].values())).toEqual([]);
});

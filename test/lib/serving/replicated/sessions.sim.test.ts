import { InvalidArgumentError, OutcomeUnknownError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { sessions, type Sessions } from '#serving/replicated/sessions';
import { holdAll, seeds, sweep, type World } from '#simulation/index';

const TTL_MS = 60_000;

const some = () => {
  const clock = memoryClock();
  const wire = memoryWire();
  const table = memoryTable({ name: 'sessions', clock, wire });
  let seed = 0;
  const boot = (): Sessions =>
    sessions({ table, name: 'test', clock, random: seededRandom((seed += 1)), ttlMs: TTL_MS });
  return { clock, wire, table, boot };
};

/** The answer of the next write gets lost when `isLost.write` says so, and something happens `meanwhile`. */
const losing = (meanwhile: () => Promise<void> = async () => undefined) => {
  const isLost = { write: false };
  const clock = memoryClock();
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      const answer = await apply();
      if (!operation.isWrite || !isLost.write) return answer;
      isLost.write = false;
      await meanwhile();
      throw new OutcomeUnknownError(operation.operation);
    },
  });
  const table = memoryTable({ name: 'sessions', clock, wire });
  let seed = 0;
  const boot = (): Sessions =>
    sessions({ table, name: 'test', clock, random: seededRandom((seed += 1)), ttlMs: TTL_MS });
  return { boot, isLost };
};

test('any replica finds what another one has stored, as it was stored', async () => {
  const { boot } = some();
  const data = { user: 'ada', cart: [1, 'two', { three: null }], b: 1e200, a: 2 };
  await boot().put('s', data);
  expect(JSON.stringify((await boot().get('s'))?.data)).toBe(JSON.stringify(data));
});

test('a session that is over is not found, whether or not the table has removed it', async () => {
  const { boot, clock, table } = some();
  await boot().put('s', {});
  await clock.advance(TTL_MS);
  expect(table.dump()).toHaveLength(1);
  expect(await boot().get('s')).toBeUndefined();
});

test('a session that is used goes on, one call more for each half of its life', async () => {
  const { boot, clock, wire } = some();
  const replica = boot();
  await replica.put('s', { n: 1 });
  wire.resetCounts();
  for (let minute = 0; minute < 10; minute += 1) {
    await clock.advance(TTL_MS * 0.6);
    expect(await replica.get('s')).toMatchObject({ data: { n: 1 } });
    expect(await replica.get('s')).toMatchObject({ data: { n: 1 } });
  }
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 20, 'dynamodb.UpdateItem': 10 });
});

test('of two who change the same version one does, and the other one is told what there is now', async () => {
  const { boot } = some();
  const [one, two] = [boot(), boot()];
  const made = await one.put('s', { n: 0 });
  if (made.status !== 'stored') throw new Error('Expected it to be stored.');
  const { version } = made.session;
  const outcomes = await Promise.all([one.put('s', { n: 1 }, { version }), two.put('s', { n: 2 }, { version })]);
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['conflict', 'stored']);
  expect(outcomes.find(({ status }) => status === 'conflict')?.session).toMatchObject({ data: { n: 1 } });
});

test('a change whose answer was lost is known again', async () => {
  const { boot, isLost } = losing();
  const replica = boot();
  isLost.write = true;
  const made = await replica.put('s', 1, { version: undefined });
  if (made.status !== 'stored') throw new Error('Expected it to be stored.');
  isLost.write = true;
  expect((await replica.put('s', 2, { version: made.session.version })).status).toBe('stored');
  expect(await replica.get('s')).toMatchObject({ data: 2 });
  isLost.write = true;
  expect((await replica.put('s', 3)).status).toBe('stored');
  expect(await replica.get('s')).toMatchObject({ data: 3 });
  isLost.write = true;
  await replica.delete('s');
  expect(await replica.get('s')).toBeUndefined();
});

describe('a write whose answer was lost undoes nothing that came behind it', () => {
  const B = { of: 'b' };

  test('a session that another one has changed since stays as that one has left it', async () => {
    const { boot, isLost } = losing(async () => {
      const other = boot();
      const seen = await other.get('s');
      expect(await other.put('s', B, { version: seen?.version })).toMatchObject({ status: 'stored' });
    });
    isLost.write = true;
    await expect(boot().put('s', { of: 'a' })).rejects.toBeInstanceOf(OutcomeUnknownError);
    expect(await boot().get('s')).toMatchObject({ data: B });
  });

  test('a new one that another one has ended since stays ended', async () => {
    const { boot, isLost } = losing(async () => boot().delete('s'));
    isLost.write = true;
    await expect(boot().put('s', 1, { version: undefined })).rejects.toBeInstanceOf(OutcomeUnknownError);
    expect(await boot().get('s')).toBeUndefined();
  });

  test('one that was begun anew since it was ended is not ended', async () => {
    const { boot, isLost } = losing(async () => {
      await boot().put('s', B, { version: undefined });
    });
    await boot().put('s', { of: 'a' });
    isLost.write = true;
    await expect(boot().delete('s')).rejects.toBeInstanceOf(OutcomeUnknownError);
    expect(await boot().get('s')).toMatchObject({ data: B });
  });
});

test('only a new one: not over one that there is, but over one that is over', async () => {
  const { boot, clock } = some();
  const replica = boot();
  const isNew = { version: undefined };
  expect((await replica.put('s', 1, isNew)).status).toBe('stored');
  expect((await replica.put('s', 2, isNew)).status).toBe('conflict');
  await clock.advance(TTL_MS);
  expect((await replica.put('s', 3, isNew)).status).toBe('stored');
});

test('an ended session is gone, and to end it twice is no error', async () => {
  const { boot } = some();
  const replica = boot();
  await replica.put('s', 1);
  await replica.delete('s');
  await replica.delete('s');
  expect(await replica.get('s')).toBeUndefined();
});

test.each(['', 'x'.repeat(1_025), '\ud800'])('an id that no table takes is refused', async (id) => {
  await expect(some().boot().get(id)).rejects.toBeInstanceOf(InvalidArgumentError);
});

/** A client that counts, on whichever replica it comes to; replicas die under it, and it comes to another one. */
const scenario = async (w: World): Promise<void> => {
  const table = w.table('sessions');
  const boot = (): Sessions => sessions({ table, name: 'test', clock: w.clock, random: w.random, ttlMs: 86_400_000 });
  const problems: string[] = [];
  for (let n = 1; n <= 5; n += 1) {
    await w.client(async () => boot().put('s', { n }));
    const found = await w.client(async () => boot().get('s'));
    if (JSON.stringify(found?.data) !== JSON.stringify({ n })) problems.push(`stored ${n}, found ${found?.version}`);
  }
  holdAll(problems);
};

test('what was answered is not lost, whatever dies at whichever write', async () => {
  // A write that comes behind a newer one is what conditions are for: a client that gives none may be overtaken.
  const kinds = ['crash', 'crash-after', 'lose-answer', 'error', 'duplicate'] as const;
  const { callCount } = await sweep(scenario, { kinds });
  expect(callCount).toBe(5);
});

test('with conditions nothing is lost or goes back, whatever goes wrong', async () => {
  const counting = async (w: World): Promise<void> => {
    const table = w.table('sessions');
    const boot = (): Sessions => sessions({ table, name: 'test', clock: w.clock, random: w.random, ttlMs: 86_400_000 });
    /** Adds one, as often as it takes; the mark tells whether an earlier try was applied. */
    const addOne = async (mark: string): Promise<void> => {
      for (;;) {
        const session = await boot().get('s');
        const data = (session?.data ?? { n: 0, marks: [] }) as {
          readonly n: number;
          readonly marks: readonly string[];
        };
        if (data.marks.includes(mark)) return;
        const next = { n: data.n + 1, marks: [...data.marks, mark] };
        const outcome = await boot().put('s', next, { version: session?.version });
        if (outcome.status === 'stored') return;
      }
    };
    const marks = ['a', 'b', 'c', 'd', 'e'];
    await Promise.all(marks.map((mark) => w.client(async () => addOne(mark))));
    const end = await w.client(async () => boot().get('s'));
    const { n } = (end?.data ?? { n: -1 }) as { readonly n: number };
    holdAll(n === marks.length ? [] : [`counted ${n} of ${marks.length}`]);
  };
  const { faultCount } = await seeds(counting, { count: 60 });
  expect(faultCount).toBeGreaterThan(20);
});

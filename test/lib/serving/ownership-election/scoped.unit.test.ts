import { scoped, type Scope, type ScopedOptions } from '#serving/ownership-election/scoped';
import type { Intercept } from '#primitives/memory/wire';
import type { Fields } from '#primitives/table';
import { OutcomeUnknownError } from '#primitives/errors';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { hosts } from './hosts.ts';

const key = (name: string) => ({ partition: 'data', sort: name });
const valueOf = (fields: Fields | undefined): number => Number(fields?.['value'] ?? 0);

const place = (rules: readonly FaultRule[] = [], more: Partial<ScopedOptions> = {}) => {
  const world = hosts(rules);
  const { clock, random, table } = world.host();
  const run = scoped({ table, clock, random, attemptCount: 50, backoff: { baseMs: 10, limitMs: 200 }, ...more });
  const add = (name: string, amount: number) =>
    run(async (scope) => {
      const value = valueOf(await scope.get(key(name))) + amount;
      scope.put(key(name), { value });
      return value;
    });
  return { ...world, run, add };
};

test('calls: the records that are read, and one transaction', async () => {
  const { run, add, wire } = place();
  expect(await add('a', 3)).toEqual({ value: 3, conflicts: 0 });
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.TransactWriteItems': 1 });
  wire.resetCounts();
  await run(async (scope) => {
    for (const name of ['a', 'b', 'c', 'a']) await scope.get(key(name));
    scope.put(key('a'), { value: 4 });
  });
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 3, 'dynamodb.TransactWriteItems': 1 });
  wire.resetCounts();
  expect(await run((scope) => scope.get(key('a')))).toEqual({ value: { value: 4 }, conflicts: 0 });
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1 });
});

test('of fifty additions at once none is lost, and the conflicts are counted', async () => {
  const { add, time } = place();
  const results = await time.until(Promise.all(Array.from({ length: 50 }, () => add('a', 1))));
  expect(results.map(({ value }) => value).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
  expect(results.reduce((sum, { conflicts }) => sum + conflicts, 0)).toBeGreaterThanOrEqual(49);
});

test('calls are (read + 1) × (1 + conflicts)', async () => {
  const { add, time, wire } = place();
  const results = await time.until(Promise.all(Array.from({ length: 10 }, () => add('a', 1))));
  const conflicts = results.reduce((sum, result) => sum + result.conflicts, 0);
  const calls = Object.values(wire.counts()).reduce((sum, count) => sum + count, 0);
  expect(calls).toBe(2 * (10 + conflicts));
});

test('what was only read must not have changed either: two cannot both take the last seat', async () => {
  const { run, table, time } = place();
  await table.put({ key: key('a'), fields: { value: 1 } });
  await table.put({ key: key('b'), fields: { value: 1 } });
  // Each may go, as long as the other stays.
  const go = (own: string, other: string) =>
    run(async (scope) => {
      const [mine, theirs] = [valueOf(await scope.get(key(own))), valueOf(await scope.get(key(other)))];
      await time.sleep(5);
      if (mine + theirs > 1) scope.put(key(own), { value: 0 });
    });
  await time.until(Promise.all([go('a', 'b'), go('b', 'a')]));
  expect(valueOf(await table.get(key('a'))) + valueOf(await table.get(key('b')))).toBe(1);
});

test('a scope reads what it has written', async () => {
  const { run } = place();
  const { value } = await run(async (scope) => {
    await scope.get(key('a'));
    scope.put(key('a'), { value: 7 });
    return scope.get(key('a'));
  });
  expect(value).toEqual({ value: 7 });
});

test('what was put after a read is written, though another read of the same record ends later', async () => {
  const delays = [5, 50];
  const { host, table, time, wire } = hosts([], async ({ operation }, apply) => {
    const answer = await apply();
    if (operation === 'dynamodb.GetItem') await time.sleep(delays.shift() ?? 0);
    return answer;
  });
  const { clock, random } = host();
  const run = scoped({ table, clock, random, attemptCount: 3, backoff: { baseMs: 1, limitMs: 1 } });
  const work = run(async (scope) => {
    const [first, second] = [scope.get(key('a')), scope.get(key('a'))];
    await first;
    scope.put(key('a'), { value: 1 });
    await second;
    return scope.get(key('a'));
  });
  expect((await time.until(work)).value).toEqual({ value: 1 });
  expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 1, 'dynamodb.TransactWriteItems': 1 });
  expect(await time.until(table.get(key('a')))).toMatchObject({ value: 1 });
});

test('a read that failed is read again', async () => {
  const { run, time, table } = place([{ kind: 'error', call: 1 }]);
  const work = run(async (scope) => {
    await scope.get(key('a')).catch(() => undefined);
    expect(() => scope.put(key('a'), { value: 1 })).toThrow('was read in this scope');
    await scope.get(key('a'));
    scope.put(key('a'), { value: 1 });
  });
  await time.until(work);
  expect(await table.get(key('a'))).toMatchObject({ value: 1 });
});

describe('nothing is written twice', () => {
  test('when an answer is lost, though another addition came between', async () => {
    const { add, time } = place([{ kind: 'lose-answer', call: 2 }]);
    expect((await time.until(add('a', 1))).value).toBe(1);
    expect(await time.until(add('a', 1))).toEqual({ value: 2, conflicts: 0 });
  });

  test('when an answer is lost, and another addition is written before it is asked for again', async () => {
    let isFirst = true;
    const intercept: Intercept = async ({ operation }, apply) => {
      const answer = await apply();
      if (!isFirst || operation !== 'dynamodb.TransactWriteItems') return answer;
      isFirst = false;
      await add();
      throw new OutcomeUnknownError(operation);
    };
    const { host, table } = hosts([], intercept);
    const { clock, random } = host();
    const run = scoped({ table, clock, random, attemptCount: 3, backoff: { baseMs: 1, limitMs: 1 } });
    const add = () => run(async (scope) => scope.put(key('a'), { value: valueOf(await scope.get(key('a'))) + 1 }));
    expect((await add()).conflicts).toBe(0);
    expect(await table.get(key('a'))).toMatchObject({ value: 2 });
  });

  test('when a conflict follows a lost answer', async () => {
    const { add, time } = place([
      { kind: 'lose-answer', call: 2 },
      { kind: 'conflict', call: 3 },
    ]);
    await time.until(add('a', 1));
    expect((await time.until(add('a', 1))).value).toBe(2);
  });

  test('when a first attempt arrives late', async () => {
    const { add, time } = place([{ kind: 'late', call: 2, ms: 5_000 }]);
    await time.until(add('a', 1));
    await time.until(add('a', 1));
    await time.advance(10_000);
    expect((await time.until(add('a', 0))).value).toBe(2);
  });

  test.each(Array.from({ length: 20 }, (_, index) => index + 1))('under faults of all kinds, seed %i', async (seed) => {
    const kinds = ['lose-answer', 'conflict', 'error', 'duplicate', 'delay'] as const;
    const { table, time, host } = hosts(
      kinds.map((kind, index) => ({ kind, rate: 0.02 * (1 + ((seed + index) % 4)), ms: 50 })),
    );
    const { clock, random } = host();
    const run = scoped({ table, clock, random, attemptCount: 100, backoff: { baseMs: 10, limitMs: 500 } });
    let unknownCount = 0;
    const add = async (): Promise<number> => {
      try {
        await run(async (scope) => scope.put(key('a'), { value: valueOf(await scope.get(key('a'))) + 1 }));
        return 1;
      } catch (error) {
        if ((error as { code?: string }).code === 'primitives/outcome-unknown') unknownCount += 1;
        return 0;
      }
    };
    const added = await time.until(Promise.all(Array.from({ length: 20 }, add)));
    const certain = added.reduce((sum, one) => sum + one, 0);
    const stored = valueOf(table.dump().find((record) => record.key.sort === 'a')?.fields);
    expect(stored).toBeGreaterThanOrEqual(certain);
    expect(stored).toBeLessThanOrEqual(certain + unknownCount);
  });
});

describe('bounds', () => {
  test('when others come between at every attempt it is an error that may be retried, and nothing is written', async () => {
    const { run, add, table, time } = place([], { attemptCount: 3 });
    let runs = 0;
    const work = run(async (scope) => {
      runs += 1;
      await scope.get(key('a'));
      await add('a', 1);
      scope.put(key('a'), { value: 100 });
    });
    await expect(time.until(work)).rejects.toMatchObject({ code: 'ownership/conflict', retryable: true });
    expect(runs).toBe(3);
    expect(await table.get(key('a'))).toMatchObject({ value: 3 });
  });

  test('an error of the work writes nothing, and is the outcome', async () => {
    const { run, table } = place();
    const work = run(async (scope) => {
      await scope.get(key('a'));
      scope.put(key('a'), { value: 1 });
      throw new Error('mine');
    });
    await expect(work).rejects.toThrow('mine');
    expect(table.dump()).toEqual([]);
  });

  test('more than 100 records are refused, also when they are read at once', async () => {
    const { run, wire } = place();
    const work = run((scope) => Promise.all(Array.from({ length: 101 }, (_, index) => scope.get(key(`${index}`)))));
    await expect(work).rejects.toThrow("Expected 'scope' to be of at most 100 records, got 101.");
    expect(wire.counts()).toEqual({ 'dynamodb.GetItem': 100 });
  });

  test.each([['after it was written'], ['after its work failed']])('a scope is of no use %s', async (when) => {
    const { run, table } = place();
    let kept: Scope | undefined;
    await run(async (scope) => {
      kept = scope;
      await scope.get(key('a'));
      if (when === 'after its work failed') throw new Error('mine');
    }).catch(() => undefined);
    expect(() => kept?.put(key('a'), { value: 1 })).toThrow("Expected 'scope' to be used while its work runs");
    await expect(kept?.get(key('b'))).rejects.toThrow("Expected 'scope' to be used while its work runs");
    expect(table.dump()).toEqual([]);
  });

  test('the signal ends the attempts', async () => {
    const { run } = place();
    await expect(run(async () => 1, AbortSignal.abort(new Error('no longer')))).rejects.toThrow('no longer');
  });

  test.each([
    ['a record that was not read', {}, /was read in this scope/],
    ["a field 'revision'", { revision: 'x' }, /fields/],
  ])('%s is not written', async (_, fields, message) => {
    const { run } = place();
    const work = run(async (scope) => {
      if ('revision' in fields) await scope.get(key('a'));
      scope.put(key('a'), fields);
    });
    await expect(work).rejects.toThrow(message);
  });
});

import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { idempotency, type IdempotencyOptions, type Work } from '#resilience/idempotency';

const IN_PROGRESS_MS = 10_000;
const KEEP_MS = 60_000;

/** One table and one clock; each `host()` is a process of its own, with a cache of its own. */
const world = (intercept?: Intercept) => {
  const clock = memoryClock();
  const random = seededRandom(7);
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const table = memoryTable({ name: 'idempotency', clock, wire });
  const host = (options: Partial<IdempotencyOptions> = {}) =>
    idempotency({ table, clock, random, inProgressMs: IN_PROGRESS_MS, keepMs: KEEP_MS, ...options });
  return { clock, wire, table, host };
};

/** Work that says in its answer which run it was. */
const countedWork = (keep = true) => {
  const operationIds: string[] = [];
  const work = async (operationId: string): Promise<Work> => {
    operationIds.push(operationId);
    return { answer: { run: operationIds.length }, keep };
  };
  return { operationIds, work };
};

const blockedWork = (answer: string) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  return {
    end: resolve,
    work: async (): Promise<Work> => {
      await promise;
      return { answer, keep: true };
    },
  };
};

describe('the same key and the same body', () => {
  test('give the same answer, and the work runs once, in this process and in others', async () => {
    const { host } = world();
    const one = host();
    const { operationIds, work } = countedWork();
    expect(await one.run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: { run: 1 }, replayed: false });
    expect(await one.run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: { run: 1 }, replayed: true });
    expect(await host().run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: { run: 1 }, replayed: true });
    expect(operationIds).toHaveLength(1);
  });

  test('cost 2 calls when fresh, 1 when repeated elsewhere, 0 when this process remembers', async () => {
    const { host, wire } = world();
    const one = host();
    const { work } = countedWork();
    const calls = async (run: () => Promise<unknown>) => {
      wire.resetCounts();
      await run();
      return wire.counts();
    };
    expect(await calls(() => one.run('f', 'k', 'b', work))).toEqual({
      'dynamodb.PutItem': 1,
      'dynamodb.UpdateItem': 1,
    });
    const other = host();
    expect(await calls(() => other.run('f', 'k', 'b', work))).toEqual({ 'dynamodb.PutItem': 1 });
    expect(await calls(() => one.run('f', 'k', 'b', work))).toEqual({});
    expect(await calls(() => other.run('f', 'k', 'b', work))).toEqual({});
  });

  test('are replayed by other hosts as long as the answer is kept, long after the first run could have been running', async () => {
    const { host, clock } = world();
    await host().run('f', 'k', 'b', countedWork().work);
    await clock.advance(KEEP_MS - 1);
    expect(await host().run('f', 'k', 'b', countedWork().work)).toMatchObject({ answer: { run: 1 }, replayed: true });
  });

  test('an answer of null is an answer and is not asked for again', async () => {
    const { host } = world();
    let runs = 0;
    const work = async (): Promise<Work> => {
      runs += 1;
      return { answer: null, keep: true };
    };
    await host().run('f', 'k', 'b', work);
    expect(await host().run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: null, replayed: true });
    expect(runs).toBe(1);
  });

  test('100 at once on ten hosts: one run, and everybody who asks again gets its answer', async () => {
    const { host, clock } = world();
    const hosts = Array.from({ length: 10 }, () => host());
    const { operationIds, work } = countedWork();
    const tenTimes = Array.from({ length: 10 }, () => hosts).flat();
    const ask = () => Promise.all(tenTimes.map((each) => each.run('f', 'k', 'b', work)));
    const first = await ask();
    expect(first.filter((outcome) => outcome.status === 'answered' && !outcome.replayed)).toHaveLength(1);
    expect(first.filter((outcome) => outcome.status === 'reused')).toEqual([]);
    await clock.advance(1_000);
    expect((await ask()).every((outcome) => outcome.status === 'answered')).toBe(true);
    expect(operationIds).toHaveLength(1);
  });
});

test('an answer that is no JSON is the error of the work: the key is given back', async () => {
  const { host } = world();
  const one = host();
  const work = async (): Promise<Work> => ({ answer: 1n as never, keep: true });
  await expect(one.run('f', 'k', 'b', work)).rejects.toThrow(TypeError);
  expect(await one.run('f', 'k', 'b', countedWork().work)).toMatchObject({ status: 'answered', replayed: false });
});

describe('what must not be merged', () => {
  test('another body with the same key is refused, whether this process remembers or not', async () => {
    const { host } = world();
    const one = host();
    const { work } = countedWork();
    await one.run('f', 'k', 'b', work);
    expect(await one.run('f', 'k', 'other', work)).toEqual({ status: 'reused' });
    expect(await host().run('f', 'k', 'other', work)).toEqual({ status: 'reused' });
  });

  test('another body is refused even when the first run has crashed', async () => {
    const { host, clock } = world();
    void host().run('f', 'k', 'b', blockedWork('never').work);
    await clock.advance(IN_PROGRESS_MS * 2);
    expect(await host().run('f', 'k', 'other', countedWork().work)).toEqual({ status: 'reused' });
  });

  test('two scopes and two keys are four runs with four operation ids', async () => {
    const { host } = world();
    const one = host();
    const { operationIds, work } = countedWork();
    for (const [scope, key] of [
      ['a', 'bc'],
      ['ab', 'c'],
      ['a', 'c'],
      ['ab', 'bc'],
    ] as const)
      await one.run(scope, key, 'b', work);
    expect(new Set(operationIds).size).toBe(4);
  });

  test('a key is free again when its answer is no longer kept, although the table still has the record', async () => {
    const { host, clock } = world();
    const one = host();
    const { work } = countedWork();
    await one.run('f', 'k', 'b', work);
    await clock.advance(KEEP_MS);
    expect(await one.run('f', 'k', 'b', work)).toMatchObject({ answer: { run: 2 }, replayed: false });
    await clock.advance(KEEP_MS);
    expect(await host().run('f', 'k', 'other', work)).toMatchObject({ answer: { run: 3 }, replayed: false });
  });

  test('the key itself is not stored', async () => {
    const { host, table } = world();
    await host().run('f', 'secret-key', 'b', countedWork().work);
    expect(JSON.stringify(table.dump())).not.toContain('secret-key');
  });
});

describe('a first run that has not ended', () => {
  test('makes the others wait, longer the older it is, and never longer than it may take', async () => {
    const { host, clock } = world();
    const first = blockedWork('one');
    const running = host().run('f', 'k', 'b', first.work);
    const waits: number[] = [];
    for (let asked = 0; asked < 5; asked += 1) {
      const outcome = await host().run('f', 'k', 'b', countedWork().work);
      if (outcome.status !== 'in-progress') break;
      waits.push(outcome.retryAfterMs);
      await clock.advance(outcome.retryAfterMs);
    }
    expect(waits).toEqual([1_000, 1_000, 2_000, 4_000, 2_000]);
    first.end();
    expect(await running).toEqual({ status: 'answered', answer: 'one', replayed: false });
  });

  test('that crashed may be repeated after the in-progress time, under the same operation id', async () => {
    const { host, clock } = world();
    const { operationIds, work } = countedWork();
    void host().run('f', 'k', 'b', async (operationId) => {
      operationIds.push(operationId);
      return new Promise<Work>(() => undefined);
    });
    await clock.advance(IN_PROGRESS_MS - 1);
    expect(await host().run('f', 'k', 'b', work)).toMatchObject({ status: 'in-progress' });
    await clock.advance(1);
    expect(await host().run('f', 'k', 'b', work)).toMatchObject({ status: 'answered', answer: { run: 2 } });
    expect(operationIds[0]).toBe(operationIds[1]);
    expect(operationIds[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
  });

  test('and comes back after a second one has answered takes over the second one’s answer', async () => {
    const { host, clock } = world();
    const zombie = blockedWork('zombie');
    const late = host().run('f', 'k', 'b', zombie.work);
    await clock.advance(IN_PROGRESS_MS);
    await host().run('f', 'k', 'b', async () => ({ answer: 'second', keep: true }));
    zombie.end();
    expect(await late).toEqual({ status: 'answered', answer: 'second', replayed: true });
    expect(await host().run('f', 'k', 'b', countedWork().work)).toMatchObject({ answer: 'second' });
  });

  test('and comes back while the second one runs does not answer in its place', async () => {
    const { host, clock } = world();
    const zombie = blockedWork('zombie');
    const second = blockedWork('second');
    const late = host().run('f', 'k', 'b', zombie.work);
    await clock.advance(IN_PROGRESS_MS);
    const current = host().run('f', 'k', 'b', second.work);
    await clock.advance(0);
    zombie.end();
    expect(await late).toMatchObject({ status: 'in-progress' });
    second.end();
    expect(await current).toEqual({ status: 'answered', answer: 'second', replayed: false });
  });

  test('and comes back after a second one that left nothing is told to come again: no answer that is not stored', async () => {
    const { host, clock } = world();
    const zombie = blockedWork('zombie');
    const late = host().run('f', 'k', 'b', zombie.work);
    await clock.advance(IN_PROGRESS_MS);
    const failed = host().run('f', 'k', 'b', () => Promise.reject(new Error('second')));
    await expect(failed).rejects.toThrow('second');
    zombie.end();
    expect(await late).toEqual({ status: 'in-progress', retryAfterMs: 1_000 });
    expect(await host().run('f', 'k', 'b', async () => ({ answer: 'third', keep: true }))).toMatchObject({
      answer: 'third',
      replayed: false,
    });
  });

  test('and fails late does not free the key of the second one', async () => {
    const { host, clock } = world();
    const { promise, reject } = Promise.withResolvers<Work>();
    const late = host().run('f', 'k', 'b', () => promise);
    await clock.advance(IN_PROGRESS_MS);
    await host().run('f', 'k', 'b', async () => ({ answer: 'second', keep: true }));
    reject(new Error('late'));
    await expect(late).rejects.toThrow('late');
    expect(await host().run('f', 'k', 'b', countedWork().work)).toMatchObject({ answer: 'second', replayed: true });
  });
});

describe('what is not kept', () => {
  test('work that throws frees the key at once, and the error is the caller’s', async () => {
    const { host } = world();
    const failing = async (): Promise<Work> => {
      throw new RangeError('no');
    };
    await expect(host().run('f', 'k', 'b', failing)).rejects.toThrow(RangeError);
    expect(await host().run('f', 'k', 'b', countedWork().work)).toMatchObject({ status: 'answered', replayed: false });
  });

  test('an answer that is not to be kept is given once and runs again', async () => {
    const { host } = world();
    const one = host();
    const { operationIds, work } = countedWork(false);
    expect(await one.run('f', 'k', 'b', work)).toMatchObject({ answer: { run: 1 }, replayed: false });
    expect(await one.run('f', 'k', 'b', work)).toMatchObject({ answer: { run: 2 }, replayed: false });
    expect(operationIds[0]).toBe(operationIds[1]);
  });

  test('a process remembers no more answers than it may', async () => {
    const { host, wire } = world();
    const one = host({ cacheCount: 2 });
    for (const key of ['a', 'b', 'c']) await one.run('f', key, 'b', countedWork().work);
    wire.resetCounts();
    await one.run('f', 'b', 'b', countedWork().work);
    await one.run('f', 'c', 'b', countedWork().work);
    expect(wire.counts()).toEqual({});
    await one.run('f', 'a', 'b', countedWork().work);
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 1 });
  });
});

describe('faults', () => {
  test('a process whose clock is ahead may run it too, but under the same id, and all get one answer', async () => {
    const { host, clock } = world();
    const first = blockedWork('first');
    const ids: string[] = [];
    const slow = host().run('f', 'k', 'b', async (operationId) => {
      ids.push(operationId);
      return first.work();
    });
    const ahead = host({ clock: clock.withOffset(IN_PROGRESS_MS) });
    const fast = await ahead.run('f', 'k', 'b', async (operationId) => {
      ids.push(operationId);
      return { answer: 'ahead', keep: true };
    });
    first.end();
    expect(await slow).toMatchObject({ answer: 'ahead' });
    expect(fast).toMatchObject({ answer: 'ahead' });
    expect(ids[0]).toBe(ids[1]);
  });

  test('an answer that can’t be stored is not given out', async () => {
    const { host } = world((operation, apply) => {
      if (operation.operation === 'dynamodb.UpdateItem') throw new UnavailableError('UpdateItem');
      return apply();
    });
    await expect(host().run('f', 'k', 'b', countedWork().work)).rejects.toThrow(UnavailableError);
  });

  test('a claim whose answer was lost is recognised as our own, by one call more', async () => {
    let isLost = false;
    const { host, wire } = world(async (_operation, apply) => {
      const answer = await apply();
      if (isLost) return answer;
      isLost = true;
      throw new OutcomeUnknownError('PutItem');
    });
    expect(await host().run('f', 'k', 'b', countedWork().work)).toMatchObject({ status: 'answered', replayed: false });
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 2, 'dynamodb.UpdateItem': 1 });
  });

  test('answers that are lost again and again end in an error, not in a loop', async () => {
    const { host, wire } = world(async (_operation, apply) => {
      await apply();
      throw new OutcomeUnknownError('any');
    });
    await expect(host().run('f', 'k', 'b', countedWork().work)).rejects.toThrow(OutcomeUnknownError);
    expect(wire.counts()).toEqual({ 'dynamodb.PutItem': 3 });
  });

  test.each([
    [{ inProgressMs: 0 }, "Expected 'inProgressMs' to be an integer from 1 to 900000, got 0."],
    [{ keepMs: IN_PROGRESS_MS - 1 }, "Expected 'keepMs' to be an integer from 10000 to 2592000000, got 9999."],
    [{ cacheCount: -1 }, "Expected 'cacheCount' to be an integer from 0 to 10000, got -1."],
  ])('options out of range are refused: %j', (options, message) => {
    expect(() => world().host(options)).toThrow(message);
  });

  test('a key that is empty is refused: requests without a key must not meet', async () => {
    await expect(world().host().run('f', '', 'b', countedWork().work)).rejects.toThrow("Expected 'key'");
  });
});

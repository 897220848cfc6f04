import type { Idempotency, WhileRunning } from '#resilience/idempotency';
import { heldWork, idempotentWorld, IN_PROGRESS_MS, JOIN, slowWork, WAIT } from './idempotent-world.ts';

/** Twenty calls of each of five hosts, or ten of each of ten. */
const inTurn = <T>(hosts: readonly Idempotency[], call: (host: Idempotency) => T): readonly T[] =>
  Array.from({ length: 100 / hosts.length }, () => hosts.map(call)).flat();

/** What a call ends with, seen from its beginning on. */
const errorOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('wait', () => {
  test('100 calls of one key on ten hosts are all answered, alike, by one run', async () => {
    const { clock, host, table } = idempotentWorld();
    const hosts = Array.from({ length: 10 }, () => host({ whileRunning: WAIT }));
    const { operationIds, work } = slowWork(clock, 1_000);
    const calls = inTurn(hosts, (each) => each.run('f', 'k', 'b', work));
    const outcomes = await clock.until(Promise.all(calls));
    expect(outcomes.every((outcome) => outcome.status === 'answered')).toBe(true);
    expect(new Set(outcomes.map((outcome) => JSON.stringify(outcome.status === 'answered' && outcome.answer)))).toEqual(
      new Set(['{"run":1}']),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'answered' && !outcome.replayed)).toHaveLength(1);
    expect(operationIds).toHaveLength(1);
    expect(table.dump()).toHaveLength(1);
  });

  test('costs one read a look, and looks at least half the poll time apart', async () => {
    const { clock, host, wire } = idempotentWorld();
    const { work } = slowWork(clock, 1_000);
    const first = host().run('f', 'k', 'b', work);
    await clock.advance(0);
    wire.resetCounts();
    const second = host({ whileRunning: WAIT }).run('f', 'k', 'b', work);
    await clock.until(Promise.all([first, second]));
    const { 'dynamodb.GetItem': looks = 0, ...others } = wire.counts();
    expect(others).toEqual({ 'dynamodb.PutItem': 1, 'dynamodb.UpdateItem': 1 });
    expect(looks).toBeGreaterThanOrEqual(5);
    expect(looks).toBeLessThanOrEqual(11);
  });

  test('ends when its time is over: the outcome is in-progress then, and no call is made after it', async () => {
    const { clock, host, wire } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work);
    await clock.advance(0);
    const startedMs = clock.monotonicMs();
    const waiting = host({ whileRunning: { ...WAIT, waitMs: 1_500 } }).run('f', 'k', 'b', heldWork().work);
    expect(await clock.until(waiting)).toMatchObject({ status: 'in-progress' });
    expect(clock.monotonicMs() - startedMs).toBe(1_500);
    wire.resetCounts();
    await clock.advance(1_000);
    expect(wire.counts()).toEqual({});
  });

  test('ends with the signal', async () => {
    const { clock, host } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work);
    await clock.advance(0);
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = host({ whileRunning: WAIT }).run('f', 'k', 'b', heldWork().work, { signal });
    const refused = errorOf(waiting);
    await clock.advance(500);
    controller.abort(new Error('enough'));
    expect(await refused).toEqual(new Error('enough'));
  });

  test('runs the work itself when the twin fails, and when it crashes', async () => {
    const { clock, host } = idempotentWorld();
    const failing = heldWork();
    const first = host().run('f', 'failing', 'b', failing.work);
    const failed = errorOf(first);
    void host().run('f', 'crashed', 'b', heldWork().work);
    await clock.advance(0);
    const startedMs = clock.monotonicMs();
    const { work } = slowWork(clock, 0);
    const waiting = host({ whileRunning: WAIT });
    const afterFailure = waiting.run('f', 'failing', 'b', work);
    const afterCrash = waiting.run('f', 'crashed', 'b', work);
    failing.fail(new Error('no'));
    expect(await clock.until(afterFailure)).toEqual({ status: 'answered', answer: { run: 1 }, replayed: false });
    expect(clock.monotonicMs() - startedMs).toBeLessThanOrEqual(WAIT.pollMs);
    expect(await clock.until(afterCrash)).toEqual({ status: 'answered', answer: { run: 2 }, replayed: false });
    expect(clock.monotonicMs() - startedMs).toBeLessThanOrEqual(IN_PROGRESS_MS + WAIT.pollMs);
    expect(await failed).toEqual(new Error('no'));
  });

  test('is no way around the refusal of another body', async () => {
    const { clock, host } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work);
    await clock.advance(0);
    const waiting = host({ whileRunning: WAIT });
    expect(await waiting.run('f', 'k', 'other', heldWork().work)).toEqual({ status: 'reused' });
  });

  test('a first run that comes late waits for the second one’s answer, and does not overwrite it', async () => {
    const { clock, host } = idempotentWorld();
    const zombie = heldWork();
    const second = heldWork();
    const late = host({ whileRunning: WAIT }).run('f', 'k', 'b', zombie.work);
    await clock.advance(IN_PROGRESS_MS);
    const current = host().run('f', 'k', 'b', second.work);
    await clock.advance(0);
    zombie.end('zombie');
    await clock.advance(1_000);
    second.end('second');
    expect(await current).toMatchObject({ answer: 'second', replayed: false });
    expect(await clock.until(late)).toEqual({ status: 'answered', answer: 'second', replayed: true });
    expect(await host().run('f', 'k', 'b', heldWork().work)).toMatchObject({ answer: 'second' });
  });
});

describe('join', () => {
  test('100 calls of one key in one process: one run, two API calls, and each gets an answer of its own', async () => {
    const { clock, host, wire } = idempotentWorld();
    const one = host({ whileRunning: JOIN });
    const { operationIds, work } = slowWork(clock, 1_000);
    const outcomes = await clock.until(Promise.all(Array.from({ length: 100 }, () => one.run('f', 'k', 'b', work))));
    expect(outcomes.every((outcome) => outcome.status === 'answered')).toBe(true);
    expect(outcomes.filter((outcome) => outcome.status === 'answered' && !outcome.replayed)).toHaveLength(1);
    expect(new Set(outcomes.map((outcome) => outcome.status === 'answered' && outcome.answer)).size).toBe(100);
    expect(operationIds).toHaveLength(1);
    expect(sum(wire.counts())).toBe(2);
  });

  test('on five hosts each host waits once, however many call it', async () => {
    const { clock, host, wire } = idempotentWorld();
    const hosts = Array.from({ length: 5 }, () => host({ whileRunning: JOIN }));
    const { operationIds, work } = slowWork(clock, 100);
    const calls = inTurn(hosts, (each) => each.run('f', 'k', 'b', work));
    const outcomes = await clock.until(Promise.all(calls));
    expect(outcomes.every((outcome) => outcome.status === 'answered')).toBe(true);
    expect(operationIds).toHaveLength(1);
    // Five claims and one answer; the four hosts that wait look once, or twice when they are early.
    expect(sum(wire.counts())).toBeLessThanOrEqual(5 + 1 + 4 * 2);
  });

  test('an error of the twin reaches all who joined it, and the key is free', async () => {
    const { clock, host } = idempotentWorld();
    const one = host({ whileRunning: JOIN });
    const { fail, work } = heldWork();
    const calls = [1, 2, 3].map(() => one.run('f', 'k', 'b', work));
    const seen = Promise.allSettled(calls);
    await clock.advance(0);
    fail(new Error('no'));
    expect((await seen).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    const { work: next } = slowWork(clock, 0);
    expect(await clock.until(one.run('f', 'k', 'b', next))).toMatchObject({ status: 'answered', replayed: false });
  });

  test('a twin that was called off while it waited is no answer for those who joined it', async () => {
    const { clock, host } = idempotentWorld();
    const elsewhere = heldWork();
    void host().run('f', 'k', 'b', elsewhere.work);
    await clock.advance(0);
    const one = host({ whileRunning: JOIN });
    const controller = new AbortController();
    const calledOff = one.run('f', 'k', 'b', heldWork().work, { signal: controller.signal });
    const joined = one.run('f', 'k', 'b', heldWork().work);
    const refused = errorOf(calledOff);
    await clock.advance(100);
    controller.abort(new Error('enough'));
    expect(await refused).toEqual(new Error('enough'));
    elsewhere.end('elsewhere');
    expect(await clock.until(joined)).toMatchObject({ status: 'answered', answer: 'elsewhere' });
  });

  test('another body is refused while the twin runs, without a call', async () => {
    const { clock, host, wire } = idempotentWorld();
    const one = host({ whileRunning: JOIN });
    void one.run('f', 'k', 'b', heldWork().work);
    await clock.advance(0);
    wire.resetCounts();
    expect(await one.run('f', 'k', 'other', heldWork().work)).toEqual({ status: 'reused' });
    expect(wire.counts()).toEqual({});
  });

  test('a right body beside a wrong one, whichever comes first, gets its answer', async () => {
    const { clock, host } = idempotentWorld();
    const { work } = slowWork(clock, 0);
    await host().run('f', 'k', 'right', work);
    for (const bodies of [
      ['wrong', 'right'],
      ['right', 'wrong'],
    ]) {
      const one = host({ whileRunning: JOIN });
      const outcomes = await Promise.all(bodies.map((body) => one.run('f', 'k', body, work)));
      expect(outcomes).toEqual(
        bodies.map((body) =>
          body === 'right' ? { status: 'answered', answer: { run: 1 }, replayed: true } : { status: 'reused' },
        ),
      );
    }
  });

  test('whoever joined one that gave up waiting goes on until its own time is over', async () => {
    const { clock, host } = idempotentWorld();
    const elsewhere = heldWork();
    void host().run('f', 'k', 'b', elsewhere.work);
    await clock.advance(0);
    // Its claim lasts 10 s; the first of this process waits until 5 s, those who join at 4 s until 9 s.
    const one = host({ whileRunning: { ...JOIN, waitMs: 5_000 } });
    const first = one.run('f', 'k', 'b', heldWork().work);
    await clock.advance(4_000);
    const joined = [1, 2, 3].map(() => one.run('f', 'k', 'b', heldWork().work));
    await clock.advance(3_000);
    expect(await first).toMatchObject({ status: 'in-progress' });
    elsewhere.end('elsewhere');
    const outcomes = await clock.until(Promise.all(joined));
    expect(outcomes.map((outcome) => outcome.status === 'answered' && outcome.answer)).toEqual(
      joined.map(() => 'elsewhere'),
    );
    expect(clock.sleeperCount()).toBe(0);
  });

  test('whoever joined one that gave up waiting gives up at its own time, not later', async () => {
    const { clock, host } = idempotentWorld();
    void host({ inProgressMs: 60_000 }).run('f', 'k', 'b', heldWork().work);
    await clock.advance(0);
    const one = host({ whileRunning: { ...JOIN, waitMs: 5_000 } });
    void one.run('f', 'k', 'b', heldWork().work);
    await clock.advance(4_000);
    const joined = one.run('f', 'k', 'b', heldWork().work);
    expect(await clock.until(joined)).toMatchObject({ status: 'in-progress' });
    expect(clock.monotonicMs()).toBe(9_000);
  });

  test('ends when its time is over, whatever the twin does', async () => {
    const { clock, host } = idempotentWorld();
    const one = host({ whileRunning: JOIN });
    void one.run('f', 'k', 'b', heldWork().work);
    expect(await clock.until(one.run('f', 'k', 'b', heldWork().work))).toMatchObject({ status: 'in-progress' });
    expect(clock.monotonicMs()).toBe(JOIN.waitMs);
    expect(clock.sleeperCount()).toBe(0);
  });
});

describe('the claim of an attempt', () => {
  test('ends with the time that the attempt has, so that one that was killed leaves its key free (python#738, #1038)', async () => {
    const { clock, host } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work, { attemptMs: 3_000 });
    const { work } = slowWork(clock, 0);
    await clock.advance(2_999);
    expect(await host().run('f', 'k', 'b', work)).toMatchObject({ status: 'in-progress' });
    await clock.advance(1);
    expect(await clock.until(host().run('f', 'k', 'b', work))).toMatchObject({
      status: 'answered',
      answer: { run: 1 },
    });
  });

  test('has an end also when no time is left (python#4759)', async () => {
    const { clock, host, table } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work, { attemptMs: 0 });
    await clock.advance(0);
    expect(table.dump()[0]?.fields['leaseUntilMs']).toBe(clock.nowMs());
    const { work } = slowWork(clock, 0);
    expect(await clock.until(host().run('f', 'k', 'b', work))).toMatchObject({ status: 'answered' });
  });

  test('is never longer than the in-progress time', async () => {
    const { clock, host, table } = idempotentWorld();
    void host().run('f', 'k', 'b', heldWork().work, { attemptMs: 900_000 });
    await clock.advance(0);
    expect(table.dump()[0]?.fields['leaseUntilMs']).toBe(clock.nowMs() + IN_PROGRESS_MS);
  });
});

test('work without an answer is not run again (typescript#2987)', async () => {
  const { host } = idempotentWorld();
  let runs = 0;
  const work = async () => {
    runs += 1;
    return { answer: undefined, keep: true };
  };
  const one = host();
  expect(await one.run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: undefined, replayed: false });
  expect(await one.run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: undefined, replayed: true });
  expect(await host().run('f', 'k', 'b', work)).toEqual({ status: 'answered', answer: undefined, replayed: true });
  expect(runs).toBe(1);
});

test.each([
  [{ mode: 'queue' }, 'Expected \'mode\' to be reject, wait or join, got "queue".'],
  [{ mode: 'reject', waitMs: 1 }, 'Expected \'options\' to be made of mode, got "waitMs".'],
  [{ mode: 'wait', waitMs: 0, pollMs: 100 }, "Expected 'waitMs' to be an integer from 1 to 900000, got 0."],
  [{ mode: 'join', waitMs: 100, pollMs: 1 }, "Expected 'pollMs' to be an integer from 10 to 60000, got 1."],
])('a way to wait that cannot be is refused: %j', (whileRunning, message) => {
  const { host } = idempotentWorld();
  expect(() => host({ whileRunning: whileRunning as WhileRunning })).toThrow(message);
});

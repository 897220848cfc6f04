import { retryBudget } from '#resilience/retry-budget';
import { scatterGather, type ScatterGatherOptions } from '#serving/scatter-gather/scatter-gather';
import { someLeaves, type Behaviour } from './leaves.ts';

const well: Behaviour = { afterMs: 10 };
const names = (...numbers: readonly number[]): string[] => numbers.map((number) => `leaf-${number}`);

describe('the deadline', () => {
  test('of 20 leaves 2 hang: the answer is there at 500 ms, without them, and names the two', async () => {
    const { clock, calls, options } = someLeaves({
      count: 20,
      behaviour: (leaf) => (leaf === 4 || leaf === 17 ? 'hang' : well),
    });
    const gathered = await clock.until(scatterGather(options)('q'));
    expect(gathered).toMatchObject({ status: 'partial', tookMs: 500 });
    expect(gathered.missing).toEqual([
      { leaf: 'leaf-4', reason: 'deadline' },
      { leaf: 'leaf-17', reason: 'deadline' },
    ]);
    expect(gathered.answered).toHaveLength(18);
    expect(clock.monotonicMs()).toBe(500);
    expect(calls).toHaveLength(20);
  });

  test('when all have answered nobody waits for it', async () => {
    const { clock, options } = someLeaves({ count: 3, behaviour: (leaf) => ({ afterMs: 10 * (leaf + 1) }) });
    const gathered = await clock.until(scatterGather(options)('q'));
    expect(gathered).toMatchObject({ status: 'complete', tookMs: 30, answered: names(0, 1, 2), missing: [] });
  });

  test('a request may have a shorter one, and not a longer one', async () => {
    const { clock, options } = someLeaves({ count: 2, behaviour: () => 'hang' });
    const ask = scatterGather(options);
    expect(await clock.until(ask('q', { deadlineMs: 50 }))).toMatchObject({ status: 'too-few', tookMs: 50 });
    await expect(ask('q', { deadlineMs: 501 })).rejects.toThrow("Expected 'deadlineMs' to be a number from 0 to 500");
  });

  test('who is not waited for any more is told so by the signal of each call', async () => {
    const { clock, calls, options } = someLeaves({ count: 2, behaviour: (leaf) => (leaf === 1 ? 'hang' : well) });
    await clock.until(scatterGather(options)('q'));
    expect(calls.map(({ leaf, signal }) => [leaf, signal.aborted])).toContainEqual(['leaf-1', true]);
  });
});

describe('the quorum', () => {
  const twoOfThree = (quorum: number) => {
    const leaves = someLeaves({ count: 3, behaviour: (leaf) => (leaf === 2 ? 'hang' : well), policy: { quorum } });
    return leaves.clock.until(scatterGather(leaves.options)('q'));
  };

  test('so many leaves are enough', async () => {
    expect(await twoOfThree(2)).toMatchObject({ status: 'partial', answer: ['q@leaf-0', 'q@leaf-1'] });
  });

  test('with fewer there is no answer, and it is said who is missing', async () => {
    const gathered = await twoOfThree(3);
    expect(gathered).toMatchObject({ status: 'too-few', missing: [{ leaf: 'leaf-2', reason: 'deadline' }] });
    expect(gathered).not.toHaveProperty('answer');
  });
});

describe('calls that fail', () => {
  test('a leaf is asked again at once, and the answer is complete', async () => {
    const { clock, calls, options } = someLeaves({
      count: 3,
      behaviour: (leaf, attempt) => (leaf === 1 && attempt < 3 ? { afterMs: 5, fails: true } : well),
    });
    const gathered = await clock.until(scatterGather(options)('q'));
    expect(gathered).toMatchObject({ status: 'complete', repeatedCount: 2, hedgedCount: 0, tookMs: 20 });
    expect(calls.filter(({ leaf }) => leaf === 'leaf-1').map(({ atMs }) => atMs)).toEqual([0, 5, 10]);
  });

  test('a leaf gets 1 + retries calls and no more; then it is missing, with its last failure', async () => {
    const { clock, calls, options } = someLeaves({
      count: 3,
      behaviour: (leaf) => (leaf === 1 ? { afterMs: 5, fails: true } : well),
    });
    const gathered = await clock.until(scatterGather(options)('q'));
    expect(gathered.missing).toEqual([{ leaf: 'leaf-1', reason: 'failed', error: new Error('leaf-1 fails') }]);
    expect(calls.filter(({ leaf }) => leaf === 'leaf-1')).toHaveLength(3);
    // Nobody waits for the deadline when nothing more can come.
    expect(gathered.tookMs).toBe(15);
  });

  test('a call that throws at once has failed like any other', async () => {
    const { clock, options } = someLeaves({ count: 2, behaviour: () => well });
    const [first] = options.leaves;
    const thrower = {
      name: 'thrower',
      replicas: [
        () => {
          throw new Error('at once');
        },
      ],
    };
    const ask = scatterGather({ ...options, leaves: [...(first === undefined ? [] : [first]), thrower] });
    expect(await clock.until(ask('q'))).toMatchObject({ status: 'partial', missing: [{ leaf: 'thrower' }] });
  });

  test('all extra calls together stay within the budget', async () => {
    const { clock, calls, options } = someLeaves({
      count: 10,
      behaviour: () => ({ afterMs: 5, fails: true }),
      policy: { budget: retryBudget({ ratio: 0.1, burstCount: 100 }) },
    });
    const ask = scatterGather(options);
    for (let request = 0; request < 20; request += 1) await clock.until(ask('q'));
    expect(calls.length).toBeLessThanOrEqual(10 * 20 * 1.1);
    expect(calls.length).toBeGreaterThan(10 * 20);
  });
});

describe('calls that are late', () => {
  const hedge = { quantile: 0.95, minDelayMs: 5, sampleCount: 20 };
  /** Twenty answers in 10 ms, so that what takes longer is late. */
  const warmedUp = async (options: Parameters<typeof someLeaves>[0]) => {
    const leaves = someLeaves({
      ...options,
      behaviour: (leaf, attempt, request) => (request === 'warm' ? well : options.behaviour(leaf, attempt, request)),
      policy: { hedge, ...options.policy },
    });
    const ask = scatterGather(leaves.options);
    while (leaves.calls.length < 20) await leaves.clock.until(ask('warm'));
    leaves.calls.length = 0;
    return { ...leaves, ask };
  };

  test('a late leaf is asked once more, and the first answer counts', async () => {
    const { clock, calls, ask } = await warmedUp({
      count: 4,
      behaviour: (leaf, attempt) => (leaf === 2 && attempt === 1 ? { afterMs: 400 } : well),
    });
    const gathered = await clock.until(ask('q'));
    expect(gathered).toMatchObject({ status: 'complete', hedgedCount: 1, repeatedCount: 0 });
    expect(gathered.tookMs).toBeLessThan(25);
    const late = calls.filter(({ leaf }) => leaf === 'leaf-2');
    expect(late).toHaveLength(2);
    expect(late[0]?.signal.aborted).toBe(true);
  });

  test('the first call is still waited for: it may be the one that answers', async () => {
    const { clock, ask } = await warmedUp({
      count: 4,
      behaviour: (leaf, attempt) => (leaf === 2 ? (attempt === 1 ? { afterMs: 60 } : 'hang') : well),
    });
    expect(await clock.until(ask('q'))).toMatchObject({ status: 'complete', hedgedCount: 2, tookMs: 60 });
  });

  test('a leaf both of whose calls are answered has answered once: the others are still waited for', async () => {
    const { clock, ask } = await warmedUp({
      count: 4,
      behaviour: (leaf, attempt) => (leaf === 2 && attempt === 1 ? { afterMs: 30 } : { afterMs: leaf === 3 ? 60 : 10 }),
      policy: { retryCount: 1 },
    });
    expect(await clock.until(ask('q'))).toMatchObject({ status: 'complete', missing: [], tookMs: 60 });
  });

  test('another replica gets the second call', async () => {
    const { clock, calls, ask } = await warmedUp({
      count: 4,
      replicaCount: 2,
      behaviour: (leaf, attempt) => (leaf === 2 && attempt === 1 ? 'hang' : well),
    });
    await clock.until(ask('q'));
    const [first, second] = calls.filter(({ leaf }) => leaf === 'leaf-2').map(({ replica }) => replica);
    expect(new Set([first, second])).toEqual(new Set([0, 1]));
  });

  test('late and failed calls together are 1 + retries at most', async () => {
    const { clock, calls, ask } = await warmedUp({
      count: 4,
      behaviour: (leaf, attempt) => (leaf === 2 ? (attempt === 2 ? { afterMs: 1, fails: true } : 'hang') : well),
    });
    const gathered = await clock.until(ask('q'));
    expect(gathered).toMatchObject({
      hedgedCount: 1,
      repeatedCount: 1,
      missing: [{ leaf: 'leaf-2', reason: 'deadline' }],
    });
    expect(calls.filter(({ leaf }) => leaf === 'leaf-2')).toHaveLength(3);
  });

  test('when there was no budget at first, the late leaf is asked as soon as there is', async () => {
    const { clock, calls, ask } = await warmedUp({
      count: 4,
      behaviour: (leaf, attempt, request) => (request === 'q' && leaf === 2 && attempt === 1 ? 'hang' : well),
      policy: { budget: retryBudget({ ratio: 0.04, burstCount: 1 }) },
    });
    // 20 warm calls and 4 earn 0.96: the other request earns the rest.
    const slow = ask('q');
    await clock.advance(100);
    expect(calls.filter(({ attempt }) => attempt > 1)).toEqual([]);
    await clock.until(ask('other'));
    const gathered = await clock.until(slow);
    expect(gathered).toMatchObject({ status: 'complete', hedgedCount: 1 });
  });

  test('once so many latencies are known it stays known what is late, however many they are', async () => {
    const { clock, options } = someLeaves({
      count: 100,
      behaviour: (leaf, attempt, request) => (request === 'q' && leaf === 2 && attempt === 1 ? 'hang' : well),
      policy: { hedge: { ...hedge, sampleCount: 10_000 } },
    });
    const ask = scatterGather(options);
    for (let n = 0; n < 101; n += 1) await clock.until(ask('warm'));
    expect(await clock.until(ask('q'))).toMatchObject({ status: 'complete', hedgedCount: 1 });
  });

  test('nothing is late before so many latencies are known', async () => {
    const { clock, calls, options } = someLeaves({
      count: 19,
      behaviour: (leaf) => (leaf === 2 ? 'hang' : well),
      policy: { hedge },
    });
    await clock.until(scatterGather(options)('q'));
    expect(calls).toHaveLength(19);
  });
});

describe('requests beside each other', () => {
  test('replicas are asked in turn', async () => {
    const { clock, calls, options } = someLeaves({ count: 1, replicaCount: 3, behaviour: () => well });
    const ask = scatterGather(options);
    for (let n = 0; n < 6; n += 1) await clock.until(ask('q'));
    expect(calls.map(({ replica }) => replica)).toEqual([0, 1, 2, 0, 1, 2]);
  });

  test('an answer that comes after the deadline is in no other answer', async () => {
    const { clock, options } = someLeaves({
      count: 2,
      behaviour: (leaf, _attempt, request) => (leaf === 0 && request === 'first' ? { afterMs: 600 } : { afterMs: 300 }),
    });
    const ask = scatterGather(options);
    const first = ask('first');
    await clock.advance(400);
    const second = ask('second');
    expect(await clock.until(first)).toMatchObject({ answer: ['first@leaf-1'] });
    expect(await clock.until(second)).toMatchObject({ status: 'complete', answer: ['second@leaf-0', 'second@leaf-1'] });
  });

  test('an abort ends the waiting with its reason, and tells the leaves', async () => {
    const { clock, calls, options } = someLeaves({ count: 2, behaviour: () => 'hang' });
    const stop = new AbortController();
    const asked = scatterGather(options)('q', { signal: stop.signal });
    await clock.advance(5);
    stop.abort(new Error('enough'));
    await expect(asked).rejects.toThrow('enough');
    expect(calls.every(({ signal }) => signal.aborted)).toBe(true);
    await expect(scatterGather(options)('q', { signal: stop.signal })).rejects.toThrow('enough');
    expect(calls).toHaveLength(2);
  });

  test('nothing is left on the clock when all is answered', async () => {
    const { clock, options } = someLeaves({ count: 5, behaviour: () => well });
    await clock.until(scatterGather(options)('q'));
    await clock.advance(0);
    expect(clock.sleeperCount()).toBe(0);
  });
});

describe('options', () => {
  const { options } = someLeaves({ count: 3, behaviour: () => well });
  const [leaf] = options.leaves;
  type Options = ScatterGatherOptions<string, string, readonly string[]>;

  test.each<[string, Partial<Options>]>([
    ["Expected 'quorum' to be an integer from 1 to 3, got 4.", { quorum: 4 }],
    ["Expected 'deadlineMs' to be a number from 1 to 900000, got 0.", { deadlineMs: 0 }],
    ["Expected 'retryCount' to be an integer from 0 to 9, got 10.", { retryCount: 10 }],
    ["Expected 'leaves' to be 1 to 1000 leaves, got 0.", { leaves: [] }],
    [
      `Expected 'leaves.name' to be unlike all others, got "leaf-0".`,
      { leaves: leaf === undefined ? [] : [leaf, leaf] },
    ],
    ["Expected 'leaves['x'].replicas' to be 1 to 100 replicas, got 0.", { leaves: [{ name: 'x', replicas: [] }] }],
    [
      "Expected 'quantile' to be a number from 0.5 to 0.999, got 1.",
      { hedge: { quantile: 1, minDelayMs: 1, sampleCount: 1 } },
    ],
  ])('%s', (message, wrong) => {
    expect(() => scatterGather({ ...options, ...wrong })).toThrow(message);
  });

  test('a merge that waits is refused, and its own failure is nobody’s surprise', async () => {
    const { clock, options: running } = someLeaves({ count: 1, behaviour: () => well });
    const ask = scatterGather({ ...running, merge: async () => Promise.reject(new Error('late')) });
    await expect(clock.until(ask('q'))).rejects.toThrow("Expected 'merge' to be a function that waits for nothing");
  });

  test('a misspelt one is refused', () => {
    const misspelt = { ...options, deadline: 5 };
    expect(() => scatterGather(misspelt)).toThrow(`got "deadline".`);
  });
});

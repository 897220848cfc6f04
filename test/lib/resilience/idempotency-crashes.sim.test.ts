import { PatternError } from '#primitives/errors';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { absent, type Json, type Table } from '#primitives/table';
import { idempotency, type Idempotency, type WhileRunning } from '#resilience/idempotency';
import { holdAll, twice, unexpected, lost, type Problems } from '#simulation/checkers';
import { world, type World } from '#simulation/world';

/** In all 200 keys; so many at once, in a world of its own each. */
const KEY_COUNT = 20;
const SEEDS = Array.from({ length: 10 }, (_, n) => n + 1);
const PARALLEL_COUNT = 20;
const IN_PROGRESS_MS = 4_000;
const TRIES = 60;

/** Crashes before and after writes, answers that are lost, writes that land late. */
const FAULTS: readonly FaultRule[] = [
  { kind: 'crash', rate: 0.02 },
  { kind: 'crash-after', rate: 0.02 },
  { kind: 'lose-answer', rate: 0.02 },
  { kind: 'late', rate: 0.005, ms: IN_PROGRESS_MS + 1_000 },
];

interface Request {
  readonly key: string;
  readonly body: string;
}
type Answered = Request & { readonly outcome: Json };

const keys = Array.from({ length: KEY_COUNT }, (_, n) => `key-${n}`);
/** The last of the twenty that come with a key comes with another body. */
const requests = keys.flatMap((key) =>
  Array.from({ length: PARALLEL_COUNT }, (_, n): Request => ({
    key,
    body: n === PARALLEL_COUNT - 1 ? 'other' : 'one',
  })),
);

/** What a run leaves: a record of its own under the id that it was given, or, planted, under one that it makes up. */
const place =
  (w: World, effects: Table, planted: boolean) => (request: Request, run: string) => async (operationId: string) => {
    const partition = planted ? `${request.key}/${w.random.uuid()}` : `${request.key}/${operationId}`;
    const written = { key: { partition, sort: 'effect' }, fields: { run, body: request.body }, condition: absent() };
    const outcome = await effects.put(written);
    const made = outcome.status === 'refused' ? (outcome.current?.['run'] ?? run) : run;
    return { answer: { body: request.body, made: typeof made === 'string' ? made : '' }, keep: true };
  };

const hostOf = (w: World, table: Table, whileRunning: WhileRunning): Idempotency =>
  idempotency({ table, clock: w.clock, random: w.random, inProgressMs: IN_PROGRESS_MS, keepMs: 600_000, whileRunning });

/** A client that asks, each time another host, until it is answered or refused for good. */
const insist = async (w: World, ask: () => Promise<Json | undefined>): Promise<Json> => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const outcome = await ask();
    if (outcome !== undefined) return outcome;
    await w.clock.sleep(500 * w.random.next() + 100 * tries);
  }
  throw new PatternError('test/no-answer', `No answer after ${TRIES} tries`);
};

const unlike = (answers: readonly Answered[]): Problems =>
  keys.flatMap((key) => {
    const own = answers.filter((each) => each.key === key);
    // Whichever body came first has the key; the other is refused, whenever it comes.
    const given = new Set(
      own.filter(({ outcome }) => outcome !== 'reused').map(({ outcome }) => JSON.stringify(outcome)),
    );
    const bodies = new Set(own.filter(({ outcome }) => outcome !== 'reused').map(({ body }) => body));
    return given.size === 1 && bodies.size === 1 ? [] : [`${key}: answers ${[...given].join(' and ')}`];
  });

const run = async (seed: number, whileRunning: WhileRunning, planted = false) => {
  const w = world({ seed, faults: FAULTS });
  const [table, effects] = [w.table('idempotency'), w.table('effects')];
  const work = place(w, effects, planted);
  const orders = w.function({
    name: 'orders',
    timeoutMs: whileRunning.mode === 'reject' ? IN_PROGRESS_MS : 30_000,
    boot: () => {
      const host = hostOf(w, table, whileRunning);
      return async (request: Request): Promise<Json> => {
        const outcome = await host.run('orders', request.key, request.body, work(request, w.random.uuid()));
        return outcome.status === 'answered' ? (outcome.answer ?? null) : outcome.status;
      };
    },
  });
  const ask = async (request: Request): Promise<Answered> => {
    const outcome = await insist(w, async () => {
      const answer = await orders.invoke(JSON.stringify(request));
      if (answer.status !== 'answered') return undefined;
      const given = JSON.parse(answer.payload) as Json;
      return given === 'in-progress' ? undefined : given;
    });
    return { ...request, outcome };
  };
  const answers = await w.until(Promise.all(requests.map(ask)));
  const effectKeys = effects.dump().map(({ key }) => key.partition.split('/')[0] ?? '');
  const problems = [
    ...lost(keys, effectKeys),
    ...twice(effectKeys),
    ...unexpected(keys, effectKeys),
    ...unlike(answers),
  ];
  return { problems, answers, crashes: w.injected().filter(({ kind }) => kind.startsWith('crash')).length };
};

test.each([
  ['reject', { mode: 'reject' }],
  ['wait', { mode: 'wait', waitMs: 10_000, pollMs: 500 }],
] as const)(
  '%s: 200 keys, 20 at once with each, and crashes: one effect a key, equal answers, another body refused',
  async (_, whileRunning) => {
    let crashCount = 0;
    for (const seed of SEEDS) {
      const { problems, answers, crashes } = await run(seed, whileRunning);
      holdAll(problems.map((problem) => `seed ${seed}: ${problem}`));
      expect(answers).toHaveLength(KEY_COUNT * PARALLEL_COUNT);
      expect(answers.filter(({ outcome }) => outcome === 'reused').length).toBeGreaterThanOrEqual(KEY_COUNT);
      crashCount += crashes;
    }
    expect(crashCount).toBeGreaterThan(50);
  },
);

test('the checks find work that does not use its operation id', async () => {
  expect((await run(1, { mode: 'reject' }, true)).problems.length).toBeGreaterThan(0);
});

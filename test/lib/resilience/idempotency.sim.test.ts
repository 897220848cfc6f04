import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import { absent, type Json } from '#primitives/table';
import { idempotency, type IdempotentOutcome } from '#resilience/idempotency';

class Crash extends Error {}

const FAULTS = ['crash before', 'crash after', 'lost answer', 'unavailable'] as const;
// Claim, effect, store; the fourth is the claim of the second attempt.
const CALLS = [1, 2, 3, 4];

/** Runs until there is an answer, as a client does that repeats its request, each time on a new process. */
const sweep = async (fault: (typeof FAULTS)[number], at: number, planted: 'none' | 'new id each run' = 'none') => {
  let calls = 0;
  let isDead = false;
  const clock = memoryClock();
  const random = seededRandom(at);
  const wire = memoryWire({
    intercept: async (_operation, apply) => {
      if (isDead) throw new Crash();
      calls += 1;
      if (calls !== at) return apply();
      if (fault === 'unavailable') throw new UnavailableError('call');
      if (fault === 'crash before') isDead = true;
      if (isDead) throw new Crash();
      await apply();
      if (fault === 'lost answer') throw new OutcomeUnknownError('call');
      isDead = true;
      throw new Crash();
    },
  });
  const effects = memoryTable({ name: 'effects', clock, wire });
  const table = memoryTable({ name: 'idempotency', clock, wire });
  const given: (Json | undefined)[] = [];
  let runs = 0;
  const attempt = async (): Promise<IdempotentOutcome | undefined> => {
    isDead = false;
    const host = idempotency({ table, clock, random, inProgressMs: 5_000, keepMs: 60_000 });
    try {
      return await host.run('f', 'k', 'b', async (operationId) => {
        runs += 1;
        const partition = planted === 'none' ? operationId : random.uuid();
        await effects.put({ key: { partition, sort: 'effect' }, fields: { by: runs }, condition: absent() });
        return { answer: { run: runs }, keep: true };
      });
    } catch (error) {
      if (error instanceof Crash || error instanceof OutcomeUnknownError || error instanceof UnavailableError)
        return undefined;
      throw error;
    }
  };
  for (let attempts = 0; attempts < 20 && given.length < 3; attempts += 1) {
    const outcome = await attempt();
    if (outcome?.status === 'answered') given.push(outcome.answer);
    await clock.advance(outcome?.status === 'in-progress' ? outcome.retryAfterMs : 1_000);
  }
  return { given, effects: effects.dump().length };
};

describe.each(FAULTS)('%s', (fault) => {
  test.each(CALLS)(
    'at call %i: the request is answered in the end, always alike, and its effect is there once',
    async (at) => {
      const { given, effects } = await sweep(fault, at);
      expect(given).toHaveLength(3);
      expect(new Set(given.map((answer) => JSON.stringify(answer))).size).toBe(1);
      expect(effects).toBe(1);
    },
  );
});

test('the sweep finds a handler that does not use the operation id', async () => {
  expect((await sweep('crash after', 2, 'new id each run')).effects).toBe(2);
});

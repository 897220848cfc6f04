import fc from 'fast-check';
import { retryBudget } from '#resilience/retry-budget';
import { scatterGather } from '#serving/scatter-gather/scatter-gather';
import { someLeaves, type Behaviour } from './leaves.ts';

const DEADLINE_MS = 100;
const RETRIES = 2;

const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ afterMs: fc.integer({ min: 0, max: 150 }) }) },
  { weight: 2, arbitrary: fc.record({ afterMs: fc.integer({ min: 0, max: 60 }), fails: fc.constant(true) }) },
  fc.constant<Behaviour>('hang'),
);
const world = fc.record({
  /** By request, leaf and attempt. */
  plan: fc.array(fc.array(fc.array(behaviour, { minLength: 3, maxLength: 3 }), { minLength: 5, maxLength: 5 }), {
    minLength: 1,
    maxLength: 6,
  }),
  gapMs: fc.integer({ min: 0, max: 60 }),
  quorum: fc.integer({ min: 1, max: 5 }),
  isHedged: fc.boolean(),
});

test('whatever leaves do: on time, each leaf answered or missing, no part of another request, 1 + retries calls', async () => {
  await fc.assert(
    fc.asyncProperty(world, async ({ plan, gapMs, quorum, isHedged }) => {
      const { clock, calls, options } = someLeaves({
        count: 5,
        behaviour: (leaf, attempt, request) => plan[Number(request)]?.[leaf]?.[attempt - 1] ?? 'hang',
        policy: {
          quorum,
          deadlineMs: DEADLINE_MS,
          retryCount: RETRIES,
          budget: retryBudget({ ratio: 0.5, burstCount: 10, initialCount: 3 }),
          ...(isHedged ? { hedge: { quantile: 0.9, minDelayMs: 3, sampleCount: 3 } } : {}),
        },
      });
      const ask = scatterGather(options);
      const asked = [];
      for (const request of plan.keys()) {
        asked.push(ask(String(request)));
        await clock.advance(gapMs);
      }
      for (const [request, each] of asked.entries()) {
        const gathered = await clock.until(each);
        expect(gathered.tookMs).toBeLessThanOrEqual(DEADLINE_MS);
        const missing = gathered.missing.map(({ leaf }) => leaf);
        expect([...gathered.answered, ...missing].toSorted()).toEqual(options.leaves.map(({ name }) => name));
        const enough = gathered.answered.length >= quorum;
        expect(gathered.status).toBe(enough ? (missing.length === 0 ? 'complete' : 'partial') : 'too-few');
        if (gathered.status !== 'too-few')
          expect(gathered.answer).toEqual(gathered.answered.map((leaf) => `${request}@${leaf}`));
        for (const { name } of options.leaves) {
          const ofLeaf = calls.filter((call) => call.request === String(request) && call.leaf === name);
          expect(ofLeaf.length).toBeLessThanOrEqual(1 + RETRIES);
          expect(ofLeaf.length).toBeGreaterThanOrEqual(1);
        }
        const extra = calls.filter((call) => call.request === String(request)).length - options.leaves.length;
        expect(gathered.hedgedCount + gathered.repeatedCount).toBe(extra);
      }
      expect(calls.length).toBeLessThanOrEqual(5 * plan.length * 1.5 + 3);
    }),
    { numRuns: 200 },
  );
});

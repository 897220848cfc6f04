import fc from 'fast-check';
import { memoryClock, type MemoryClock } from '#primitives/memory/clock';
import type { Sidecar } from '#single-node/sidecar/sidecar';
import { withSidecar } from '#single-node/sidecar/with-sidecar';
import { keptLog } from '../../../support/sidecar-place.ts';

const limits = { startMs: 1_000, beforeMs: 200, afterMs: 500, stopMs: 2_000, maxPendingAfter: 2 };

const behaviour = fc.oneof(
  fc.constant('works' as const),
  fc.constant('throws' as const),
  fc.constant('rejects' as const),
  fc.constant('hangs' as const),
  fc.integer({ min: 1, max: 3_000 }),
);
const plan = fc.record({ start: behaviour, before: behaviour, after: behaviour, stop: behaviour });

type Behaviour = 'works' | 'throws' | 'rejects' | 'hangs' | number;

const act = (how: Behaviour, clock: MemoryClock): Promise<void> => {
  if (how === 'throws') throw new Error('thrown');
  if (how === 'rejects') return Promise.reject(new Error('rejected'));
  if (how === 'hangs') return new Promise(() => undefined);
  return how === 'works' ? Promise.resolve() : clock.sleep(how);
};

test('whatever optional sidecars do, each answer is the same, and late by no more than the limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(plan, { maxLength: 4 }),
      fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
      async (plans, calls) => {
        const clock = memoryClock();
        const seen: string[] = [];
        const sidecars = plans.map(({ start, before, after, stop }, at): Sidecar => ({
          name: `s-${at}`,
          start: () => act(start, clock),
          before: ({ id }) => {
            seen.push(`${id}/${at}`);
            return act(before, clock);
          },
          after: () => act(after, clock),
          stop: () => act(stop, clock),
        }));
        const answer = {};
        const handler = withSidecar(
          async (isGood: boolean, _context: object) => {
            if (!isGood) throw new Error('legacy broke');
            return answer;
          },
          { optional: sidecars },
          { clock, log: keptLog(), ...limits },
        );
        for (const [at, isGood] of calls.entries()) {
          const beganMs = clock.monotonicMs();
          const outcome = await clock.until(handler(isGood, {}).catch((error: unknown) => error));
          expect(outcome).toEqual(isGood ? answer : new Error('legacy broke'));
          const mayMs = limits.beforeMs + (at === 0 ? limits.startMs : 0);
          expect(clock.monotonicMs() - beganMs).toBeLessThanOrEqual(mayMs);
          // Long enough for those that did not start to be tried again.
          await clock.advance(6_000);
        }
        // Those that were called were called in their order, for each call.
        expect(seen).toEqual(seen.toSorted());
        const beganMs = clock.monotonicMs();
        await clock.until(handler.stop());
        expect(clock.monotonicMs() - beganMs).toBeLessThanOrEqual(2 * limits.stopMs);
      },
    ),
    { numRuns: 200 },
  );
}, 60_000);

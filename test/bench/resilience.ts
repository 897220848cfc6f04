/** A healthy call through retry, breaker and timeout: ours, cockatiel's, opossum's and p-retry's, and the bare call. */
import {
  circuitBreaker as cockatielBreaker,
  ExponentialBackoff,
  handleAll,
  retry as cockatielRetry,
  SamplingBreaker,
  timeout as cockatielTimeout,
  TimeoutStrategy,
  wrap,
} from 'cockatiel';
import Opossum from 'opossum';
import pRetry from 'p-retry';
import { memoryTable, memoryWire } from '../../lib/primitives/memory/index.ts';
import { systemClock, systemRandom } from '../../lib/primitives/index.ts';
import {
  circuitBreaker,
  fleetCircuitBreaker,
  policy,
  retry,
  retryBudget,
  withTimeout,
} from '../../lib/resilience/index.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, ratio, rounded } from './rounds.ts';

const CALL_COUNT = 50_000;
/** Slower by two orders of magnitude: as many calls as take about as long. */
const SLOW_CALL_COUNT = 2_000;
const ROUND_COUNT = 31;
const GOAL = 4;
const TIMEOUT_MS = 1_000;
const ATTEMPT_COUNT = 3;

const clock = systemClock();
const random = systemRandom();
const trip = { name: 'bench', clock, openMs: 10_000, windowMs: 10_000, minCallCount: 20, failureRatio: 0.5 };
const rules = {
  attemptCount: ATTEMPT_COUNT,
  backoff: { baseMs: 100, limitMs: 2_000 },
  budget: retryBudget({ ratio: 0.2, burstCount: 100 }),
};
const wire = memoryWire();
const table = memoryTable({ name: 'breakers', clock, wire });
const how = { idempotent: true };

/** What is called: it does nothing, so that only what goes around it is measured. */
const bare = async (): Promise<number> => 1;

const ours = policy({ clock, random, retry: rules, breaker: circuitBreaker(trip), timeoutMs: TIMEOUT_MS });
const fleet = policy({
  clock,
  random,
  retry: rules,
  breaker: fleetCircuitBreaker({ ...trip, table, random }),
  timeoutMs: TIMEOUT_MS,
});
const onlyRetry = retry({ clock, random, ...rules });
const onlyTimeout = withTimeout({ clock, timeoutMs: TIMEOUT_MS });
const onlyBreaker = circuitBreaker(trip);
const cockatiel = wrap(
  cockatielRetry(handleAll, { maxAttempts: ATTEMPT_COUNT - 1, backoff: new ExponentialBackoff() }),
  cockatielBreaker(handleAll, {
    halfOpenAfter: 10_000,
    breaker: new SamplingBreaker({ threshold: 0.5, duration: 10_000 }),
  }),
  cockatielTimeout(TIMEOUT_MS, TimeoutStrategy.Aggressive),
);
const opossum = new Opossum(bare, { timeout: TIMEOUT_MS, errorThresholdPercentage: 50, resetTimeout: 10_000 });

const perSecond = (call: () => Promise<unknown>, callCount: number) => async (): Promise<number> => {
  const startedMs = performance.now();
  for (let calls = 0; calls < callCount; calls += 1) {
    if ((await call()) !== 1) throw new Error('Expected the answer of the call.');
  }
  return (callCount * 1000) / (performance.now() - startedMs);
};

const BARE = 'bare call';
const OURS = 'policy: retry, breaker, timeout';
const candidates = [
  { name: BARE, measure: perSecond(bare, CALL_COUNT) },
  { name: OURS, measure: perSecond(() => ours(bare, how), CALL_COUNT) },
  { name: 'the same, breaker of a fleet', measure: perSecond(() => fleet(bare, how), CALL_COUNT) },
  { name: 'retry alone', measure: perSecond(() => onlyRetry(bare, how), CALL_COUNT) },
  { name: 'withTimeout alone', measure: perSecond(() => onlyTimeout(bare), CALL_COUNT) },
  { name: 'circuitBreaker alone', measure: perSecond(() => onlyBreaker.run(bare), CALL_COUNT) },
  { name: 'opossum 10: breaker, timeout', measure: perSecond(() => opossum.fire(), SLOW_CALL_COUNT) },
  { name: 'p-retry 9: retry', measure: perSecond(() => pRetry(bare, { retries: 2 }), SLOW_CALL_COUNT) },
  {
    name: 'cockatiel 4: retry, breaker, timeout',
    measure: perSecond(() => cockatiel.execute(bare), SLOW_CALL_COUNT),
  },
];

export const benchmark: Benchmark = async (say) => {
  const rounds = await inRounds({ candidates, roundCount: ROUND_COUNT, say });
  opossum.shutdown();
  const slower = (name: string): number => ratio(rounds, BARE, name);
  return {
    columns: ['candidate', 'calls/s', '× bare (time)'],
    rows: candidates.map(({ name }) => [name, rounded(median(rounds[name] ?? [])), rounded(slower(name))]),
    goals: [{ figure: `${OURS}: × a bare async call`, atMost: GOAL, measured: slower(OURS) }],
    remarks: [
      'One call after the other, each answered at once and well; nothing of it is retried, refused or late.',
      `Table calls of the fleet's breaker meanwhile: ${Object.keys(wire.counts()).length}.`,
    ],
  };
};

import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { retryBudget } from '#resilience/retry-budget';
import { election } from '#serving/ownership-election/election';
import { locks } from '#serving/ownership-election/locks';
import { scheduledLeader } from '#serving/ownership-election/scheduled-leader';
import { scoped } from '#serving/ownership-election/scoped';
import { cache } from '#serving/replicated/cache';
import { exactLimiter } from '#serving/replicated/exact-limiter';
import { leasedLimiter } from '#serving/replicated/leased-limiter';
import { memoryLimiter } from '#serving/replicated/memory-limiter';
import { replica } from '#serving/replicated/replica';
import { sessions } from '#serving/replicated/sessions';
import { scatterGather } from '#serving/scatter-gather/scatter-gather';
import { policy, sharing } from './replicated/some-cache.ts';

const clock = memoryClock();
const random = seededRandom(1);
const table = memoryTable({ name: 't', clock });
const shared = { table, clock, random };
const quota = { ratePerSecond: 1, burstCount: 10 };
const limits = { ...shared, ...quota, name: 'n', maxClockSkewMs: 0, maxKeyCount: 10, maxWaitingCount: 10 };
const checked = { name: 'n', clock, checks: [], checkTimeoutMs: 10, recheckMs: 0 };
const gather = {
  leaves: [{ name: 'a', replicas: [async () => 1] }],
  merge: (parts: readonly unknown[]) => parts.length,
  clock,
  deadlineMs: 10,
  quorum: 1,
  retryCount: 0,
  budget: retryBudget({ ratio: 0, burstCount: 1 }),
};

/** Each with options that it takes. */
const factories: readonly (readonly [string, (options: never) => unknown, object])[] = [
  ['cache', cache, { ...policy, clock, random, load: async () => 'v' }],
  ['exactLimiter', exactLimiter, limits],
  ['leasedLimiter', leasedLimiter, { ...limits, leaseMs: 1_000 }],
  ['memoryLimiter', memoryLimiter, { ...quota, clock, maxKeyCount: 10 }],
  ['sessions', sessions, { ...shared, name: 'n', ttlMs: 1_000 }],
  ['replica', replica, checked],
  ['locks', locks, shared],
  ['election', election, { ...shared, leaseMs: 1_000 }],
  ['scheduledLeader', scheduledLeader, { ...shared, name: 'n', holder: 'h', leaseMs: 1_000 }],
  ['scoped', scoped, { ...shared, attemptCount: 1, backoff: { baseMs: 1, limitMs: 1 } }],
  ['scatterGather', scatterGather, gather],
];

const PARTS = ['table', 'clock', 'random', 'load', 'merge', 'budget', 'leaves', 'backoff', 'checks'];

const cases = factories.flatMap(([name, make, options]) =>
  Object.keys(options)
    .filter((part) => PARTS.includes(part))
    .flatMap((part) => [undefined, null, 5, {}].map((value) => ({ name, make, options, part, value }))),
);

test.each(factories)('%s takes what these tests leave parts out of', (_name, make, options) => {
  expect(() => make(options as never)).not.toThrow();
});

test.each(cases)('$name says that $part is not $value', ({ make, options, part, value }) => {
  const wrong = { ...options, [part]: value };
  expect(() => make(wrong as never)).toThrow(InvalidArgumentError);
  expect(() => make(wrong as never)).toThrow(new RegExp(`^Expected '(?:number of )?(?:${part}|options)`));
});

test.each(factories)('%s says that options are an object', (_name, make) => {
  for (const options of [undefined, null, 5]) expect(() => make(options as never)).toThrow(/^Expected 'options' to be/);
});

test.each([null, 5, {}, { ...sharing }, { ...sharing, table: null }, { ...sharing, table, timeoutMs: 0 }])(
  'a cache says what of its shared level is missing: %j',
  (level) => {
    const options = { ...policy, clock, random, load: async () => 'v', shared: level };
    expect(() => cache(options as never)).toThrow(/^Expected '(?:shared|options)/);
    expect(() => cache(options as never)).toThrow(InvalidArgumentError);
  },
);

test('a leaf is asked by functions', () => {
  const leaves = [{ name: 'a', replicas: [5] }];
  expect(() => scatterGather({ ...gather, leaves } as never)).toThrow("'leaves['a'].replicas' to be a function");
});

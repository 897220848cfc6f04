/**
 * Rate limits. In memory: decisions a second, when all are let through and when all are refused. On a table (dynoxide, on
 * this machine): calls a decision, by four hosts that are offered 20 times what is let through, and by one that is not
 * over its limit; and by how much the busiest window was over.
 */
import { DynamoDB } from '@aws-sdk/client-dynamodb';
import { RateLimiterDynamo, RateLimiterMemory } from 'rate-limiter-flexible';
import { startDynoxide } from '../../localstack/embedded/dynoxide.ts';
import { memoryClock } from '../../lib/primitives/memory/clock.ts';
import { seededRandom } from '../../lib/primitives/memory/random.ts';
import { memoryTable } from '../../lib/primitives/memory/table.ts';
import { memoryWire } from '../../lib/primitives/memory/wire.ts';
import { systemClock } from '../../lib/primitives/system-clock.ts';
import { exactLimiter } from '../../lib/serving/replicated/exact-limiter.ts';
import { leasedLimiter } from '../../lib/serving/replicated/leased-limiter.ts';
import type { Limiter } from '../../lib/serving/replicated/limiter-types.ts';
import { memoryLimiter } from '../../lib/serving/replicated/memory-limiter.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, ratio, rounded } from './rounds.ts';

const KEY_COUNT = 1_000;
const ROUND_COUNT = 21;
const DECISIONS = 20_000;
const keys = Array.from({ length: KEY_COUNT }, (_, index) => `client-${index}`);
const HUGE = 1_000_000;

const perSecond = async (decide: (key: string) => unknown): Promise<number> => {
  const startedMs = performance.now();
  for (let call = 0; call < DECISIONS; call += 1) await decide(keys[call % KEY_COUNT] ?? '');
  return (DECISIONS * 1000) / (performance.now() - startedMs);
};

const settled = async (promise: Promise<unknown>): Promise<void> => {
  try {
    await promise;
  } catch {
    // That is how it refuses.
  }
};

const memoryCandidates = () => {
  const ours = (burstCount: number, ratePerSecond: number) =>
    memoryLimiter({ clock: systemClock(), maxKeyCount: 10 * KEY_COUNT, burstCount, ratePerSecond });
  const theirs = (points: number) => new RateLimiterMemory({ points, duration: 3_600 });
  const [ourAllow, ourDeny] = [ours(HUGE, HUGE), ours(1, 0.0001)];
  const [theirAllow, theirDeny] = [theirs(HUGE), theirs(1)];
  return [
    { name: 'theirs, allow', measure: () => perSecond((key) => settled(theirAllow.consume(key))) },
    { name: 'theirs, deny', measure: () => perSecond((key) => settled(theirDeny.consume(key))) },
    { name: 'ours, allow', measure: () => perSecond((key) => ourAllow.take(key)) },
    { name: 'ours, deny', measure: () => perSecond((key) => ourDeny.take(key)) },
  ];
};

const QUOTA = { ratePerSecond: 100, burstCount: 400 };
const FOR_MS = 10_000;

/** Our limiters on the memory table, in virtual time: calls are counted, and it is known when who was let through. */
const simulated = async (kind: 'exact' | 'leased', hostCount: number, times: number) => {
  const clock = memoryClock();
  const wire = memoryWire();
  const table = memoryTable({ name: 'limits', clock, wire });
  const boot = (seed: number): Limiter => {
    const common = { table, name: 'bench', clock, random: seededRandom(seed), maxClockSkewMs: 1_000, ...QUOTA };
    const all = { ...common, maxKeyCount: 100, maxWaitingCount: 1_000 };
    return kind === 'exact' ? exactLimiter(all) : leasedLimiter({ ...all, leaseMs: 1_000 });
  };
  const random = seededRandom(99);
  const allowedAtMs: number[] = [];
  let decisionCount = 0;
  const drive = async (limiter: Limiter): Promise<void> => {
    for (let atMs = 0; atMs < FOR_MS;) {
      const gapMs = (-Math.log(1 - random.next()) * 1000 * hostCount) / (QUOTA.ratePerSecond * times);
      atMs += gapMs;
      await clock.sleep(gapMs);
      decisionCount += 1;
      if ((await limiter.take('client')).status === 'allowed') allowedAtMs.push(clock.monotonicMs());
    }
  };
  const hosts = Array.from({ length: hostCount }, (_, index) => boot(index + 1));
  await clock.until(Promise.all(hosts.map(drive)));
  let [lowest, over] = [Infinity, -Infinity];
  for (const [index, atMs] of allowedAtMs.entries()) {
    const level = index - (QUOTA.ratePerSecond * atMs) / 1000;
    lowest = Math.min(lowest, level);
    over = Math.max(over, level - lowest + 1 - QUOTA.burstCount);
  }
  const callCount = Object.values(wire.counts()).reduce((a, b) => a + b, 0);
  return { perDecision: callCount / decisionCount, over: Math.max(0, Math.round(over)) };
};

/** Theirs on DynamoDB, as it is: the calls that it makes of its client are counted. */
const theirCalls = async (): Promise<number> => {
  const dynoxide = await startDynoxide();
  const client = new DynamoDB({
    endpoint: dynoxide.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  let callCount = 0;
  client.middlewareStack.add(
    (next) => (args) => {
      callCount += 1;
      return next(args);
    },
    { step: 'initialize' },
  );
  try {
    const limiter = await new Promise<RateLimiterDynamo>((resolve, reject) => {
      const made = new RateLimiterDynamo({ storeClient: client, points: HUGE, duration: 60 }, (error?: Error) =>
        error === undefined || error === null ? resolve(made) : reject(error),
      );
    });
    await limiter.consume('client');
    callCount = 0;
    for (let call = 0; call < 50; call += 1) await limiter.consume('client');
    return callCount / 50;
  } finally {
    client.destroy();
    await dynoxide.stop();
  }
};

export const benchmark: Benchmark = async (say) => {
  const rounds = await inRounds({ candidates: memoryCandidates(), roundCount: ROUND_COUNT, say });
  say('on a table');
  const theirs = await theirCalls();
  const cases = [
    ['exact', 1, 0.5],
    ['exact', 4, 0.5],
    ['exact', 4, 20],
    ['leased', 4, 0.9],
    ['leased', 4, 20],
  ] as const;
  const tables = new Map<string, Awaited<ReturnType<typeof simulated>>>();
  for (const [kind, hostCount, times] of cases)
    tables.set(`${kind}, ${hostCount} hosts, ${times} × the rate`, await simulated(kind, hostCount, times));
  const base = 'theirs, allow';
  const calls = (name: string): number => tables.get(name)?.perDecision ?? Number.NaN;
  return {
    columns: ['candidate', 'decisions, M/s', '× their allow', 'calls a decision', 'over the limit by'],
    rows: [
      ...Object.keys(rounds).map((name) => [
        `in memory: ${name}`,
        rounded(median(rounds[name] ?? []) / 1e6),
        rounded(ratio(rounds, name, base)),
        '',
        '',
      ]),
      ['table: rate-limiter-flexible', '', '', theirs, ''],
      ...[...tables].map(([name, { perDecision, over }]) => [`table: ${name}`, '', '', rounded(perDecision), over]),
    ],
    goals: [
      { figure: 'memory, × their allow', atLeast: 1, measured: ratio(rounds, 'ours, allow', base) },
      { figure: 'memory, × their deny', atLeast: 5, measured: ratio(rounds, 'ours, deny', 'theirs, deny') },
      { figure: 'calls a decision, exact', atMost: 1, measured: calls('exact, 4 hosts, 20 × the rate') },
      { figure: 'calls a decision, exact, one host', atMost: 1, measured: calls('exact, 1 hosts, 0.5 × the rate') },
      { figure: 'calls a decision, leased', atMost: 0.1, measured: calls('leased, 4 hosts, 20 × the rate') },
      {
        figure: 'over the limit by, any of them',
        atMost: 0,
        measured: Math.max(...[...tables.values()].map(({ over }) => over)),
      },
    ],
    remarks: [
      'theirs: rate-limiter-flexible, whose window is fixed: twice its points may be let through around its end.',
      'An exact limit that is not met by several hosts costs more than a call when another host was quicker.',
    ],
  };
};

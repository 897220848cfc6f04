import { awsObjects } from '#primitives/aws/objects';
import { awsTable } from '#primitives/aws/table';
import type { Clock } from '#primitives/clock';
import type { Objects } from '#primitives/objects';
import type { Table } from '#primitives/table';
import { cache } from '#serving/replicated/cache';
import { exactLimiter } from '#serving/replicated/exact-limiter';
import type { Quota } from '#resilience/quota';
import { leasedLimiter } from '#serving/replicated/leased-limiter';
import type { Limiter } from '#serving/replicated/limiter-types';
import { memoryLimiter } from '#serving/replicated/memory-limiter';
import { replica, type ReadinessCheck } from '#serving/replicated/replica';
import { sessions } from '#serving/replicated/sessions';
import {
  integerVariable,
  shellServices,
  variable,
  type Environment,
  type ShellServices,
} from '../../shell/services.ts';
import { admission, type Admission, type Limit } from './admission.ts';
import { dictionarySource, isFilledIn } from './dictionary/source.ts';
import { replicatedHandlers, type Senses } from './handlers.ts';

/** Machines that synchronise their clocks differ by milliseconds; what is further off costs loads, not correctness. */
const MAX_CLOCK_SKEW_MS = 5_000;
/** For limits it is taken off the burst. */
const LIMITER_CLOCK_SKEW_MS = 1_000;
const MAX_LOAD_MS = 6_000;
/**
 * A table that takes longer for one call is away. A function that is new on a busy machine may need a second for its
 * first call; and half of the function's own time has to be left when the tables of limits and cache hang together.
 */
const TABLE_TIMEOUT_MS = 2_000;
/** So long it is not asked again. */
const TABLE_PAUSE_MS = 5_000;
const SESSION_MS = 30 * 60_000;
/** What all clients together may ask for: 500 a second, and 1 000 at once. Each replica leases a part of it. */
const OVERALL = { ratePerSecond: 500, burstCount: 2_000, leaseMs: 1_000 } as const;
const MAX_CLIENT_COUNT = 10_000;
const MAX_WAITING_COUNT = 1_000;

const wordCache = (env: Environment, services: ShellServices, objects: Objects) => {
  const { clock, random, log } = services;
  const leaseMs = integerVariable(env, 'LEASE_MS', 15_000);
  const softTtlMs = integerVariable(env, 'CACHE_TTL_MS', 60_000);
  const loadTimeoutMs = Math.min(MAX_LOAD_MS, 0.8 * leaseMs);
  const find = dictionarySource({ objects, clock, patienceMs: 0.7 * loadTimeoutMs });
  return cache<Senses>({
    name: 'words',
    // Made of JSON by `dictionarySource`.
    load: async (word, signal) => (await find(word, signal)) as Senses | undefined,
    clock,
    random,
    shared: {
      table: awsTable({ name: variable(env, 'CACHE_TABLE') }),
      leaseMs,
      pollMs: 50,
      maxClockSkewMs: Math.min(MAX_CLOCK_SKEW_MS, softTtlMs / 4),
      timeoutMs: TABLE_TIMEOUT_MS,
      pauseMs: TABLE_PAUSE_MS,
    },
    softTtlMs,
    hardTtlMs: 60 * softTtlMs,
    staleIfErrorMs: 24 * 3_600_000,
    negativeTtlMs: softTtlMs / 2,
    jitter: 0.1,
    loadTimeoutMs,
    errorPauseMs: 1_000,
    maxEntryCount: 20_000,
    maxBytes: 32 * 2 ** 20,
    maxLoadCount: 500,
    onTrouble: (error, word) => log.warn('The cache went on without something', { word, error }),
  });
};

const limitOf = (name: string, limiter: Limiter, quota: Quota, clock: Clock, maxKeyCount: number): Limit => {
  // What is told to clients is what they can have.
  const usable = { ratePerSecond: quota.ratePerSecond, burstCount: limiter.usableCount };
  return { name, quota: usable, limiter, fallback: memoryLimiter({ clock, maxKeyCount, ...usable }) };
};

const wireAdmission = (env: Environment, { clock, random }: ShellServices, table: Table): Admission => {
  const ratePerSecond = integerVariable(env, 'CLIENT_RATE_PER_SECOND', 20);
  const perClient = {
    ratePerSecond,
    burstCount:
      integerVariable(env, 'CLIENT_BURST_COUNT', 100) + Math.ceil((ratePerSecond * LIMITER_CLOCK_SKEW_MS) / 1000),
  };
  const common = {
    table,
    clock,
    random,
    maxClockSkewMs: LIMITER_CLOCK_SKEW_MS,
    maxKeyCount: MAX_CLIENT_COUNT,
    maxWaitingCount: MAX_WAITING_COUNT,
  };
  const client = exactLimiter({ ...common, ...perClient, name: 'client' });
  const all = leasedLimiter({ ...common, ...OVERALL, name: 'all' });
  return admission({
    perClient: limitOf('client', client, perClient, clock, MAX_CLIENT_COUNT),
    overall: limitOf('all', all, OVERALL, clock, 1),
    clock,
    random,
    timeoutMs: TABLE_TIMEOUT_MS,
    pauseMs: TABLE_PAUSE_MS,
  });
};

const readinessChecks = (objects: Objects, cacheTable: Table): readonly ReadinessCheck[] => [
  {
    name: 'dictionary',
    isRequired: true,
    check: async () => {
      if (!(await isFilledIn(objects))) throw new Error('It is being filled in.');
    },
  },
  {
    // Without it each replica loads and limits by itself.
    name: 'cache-table',
    isRequired: false,
    check: async () => {
      await cacheTable.get({ partition: 'ready', sort: 'ready' }, { consistent: false });
    },
  },
];

/** What answers HTTP: one replica. */
export const wireHandlers = (env: Environment) => {
  const services = shellServices(env);
  const { clock, random } = services;
  const objects = awsObjects({ name: variable(env, 'DICTIONARY_BUCKET') });
  const cacheTable = awsTable({ name: variable(env, 'CACHE_TABLE') });
  return replicatedHandlers({
    words: wordCache(env, services, objects),
    sessions: sessions({
      table: awsTable({ name: variable(env, 'SESSIONS_TABLE') }),
      name: 'web',
      clock,
      random,
      ttlMs: SESSION_MS,
    }),
    replica: replica({
      name: random.uuid().slice(0, 8),
      clock,
      checks: readinessChecks(objects, cacheTable),
      checkTimeoutMs: 2_000,
      recheckMs: 500,
    }),
    admit: wireAdmission(env, services, awsTable({ name: variable(env, 'LIMITS_TABLE') })),
    clock,
  });
};

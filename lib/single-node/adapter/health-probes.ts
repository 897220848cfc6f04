import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import type { HealthProbe, Observation } from './health.ts';
import type { UseRedis } from './redis-client.ts';

/** A record that a probe wrote goes by itself, in case nobody probes again. */
const KEEP_MS = 86_400_000;

/** It answered, but not with what was written. */
const garbled = (what: string): PatternError =>
  new PatternError('adapter/garbled', `${what} did not give back what was written`);

/** Measures `work`; slower than `warnMs` is a warning. */
const timed = async (clock: Clock, warnMs: number, work: () => Promise<void>): Promise<Observation> => {
  const startedMs = clock.monotonicMs();
  await work();
  const value = Math.round((clock.monotonicMs() - startedMs) * 10) / 10;
  return value > warnMs
    ? { value, unit: 'ms', status: 'warn', output: `slower than ${warnMs} ms` }
    : { value, unit: 'ms' };
};

/**
 * Writes a record, reads it back, consistently, and compares: two calls. The record is the probe's own,
 * `health/<componentId>`; hosts that probe side by side write one each.
 *
 * @param options.warnMs Slower than this is a warning.
 */
export const tableProbe = (options: {
  readonly table: Table;
  readonly componentId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly warnMs: number;
}): HealthProbe => {
  checkNames(options, ['table', 'componentId', 'clock', 'random', 'warnMs']);
  const { table, componentId, clock, random, warnMs } = options;
  checkInteger('warnMs', warnMs, 1, 60_000);
  const host = random.uuid();
  const key = { partition: `health/${componentId}`, sort: host };
  return Object.freeze<HealthProbe>({
    name: 'table:responseTime',
    componentId,
    componentType: 'datastore',
    probe: () =>
      timed(clock, warnMs, async () => {
        const nonce = random.uuid();
        await table.put({ key, fields: { nonce }, expiresAtMs: clock.nowMs() + KEEP_MS });
        const found = await table.get(key);
        if (found?.['nonce'] !== nonce) throw garbled('The table');
      }),
  });
};

/**
 * Counts what waits in a queue: one call. More than `warnCount` visible messages is a warning, more than `failCount` a
 * failure.
 *
 * @param options.required Default true.
 */
export const queueProbe = (options: {
  readonly queue: Queue;
  readonly componentId: string;
  readonly warnCount: number;
  readonly failCount?: number;
  readonly required?: boolean;
}): HealthProbe => {
  checkNames(options, ['queue', 'componentId', 'warnCount', 'failCount', 'required']);
  const { queue, componentId, warnCount, failCount = Number.MAX_SAFE_INTEGER, required = true } = options;
  checkInteger('warnCount', warnCount, 0, Number.MAX_SAFE_INTEGER);
  checkInteger('failCount', failCount, warnCount, Number.MAX_SAFE_INTEGER);
  return Object.freeze<HealthProbe>({
    name: 'queue:depth',
    componentId,
    componentType: 'datastore',
    required,
    probe: async () => {
      const { visibleCount: value } = await queue.depth();
      const seen = { value, unit: 'messages' };
      if (value > failCount) return { ...seen, status: 'fail', output: `more than ${failCount}` };
      return value > warnCount ? { ...seen, status: 'warn', output: `more than ${warnCount}` } : seen;
    },
  });
};

/**
 * Asks a Redis: PING, then SET with an expiry and GET of what was set. Three commands on a connection of their own.
 *
 * @param options.warnMs Slower than this, connecting included, is a warning.
 */
export const redisProbe = (options: {
  readonly redis: UseRedis;
  readonly componentId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly warnMs: number;
  readonly required?: boolean;
}): HealthProbe => {
  checkNames(options, ['redis', 'componentId', 'clock', 'random', 'warnMs', 'required']);
  const { redis, componentId, clock, random, warnMs, required = true } = options;
  checkInteger('warnMs', warnMs, 1, 60_000);
  const host = random.uuid();
  return Object.freeze<HealthProbe>({
    name: 'redis:responseTime',
    componentId,
    componentType: 'datastore',
    required,
    probe: (signal) =>
      timed(clock, warnMs, () =>
        redis(async (command) => {
          if ((await command('PING')) !== 'PONG') throw garbled('Redis');
          const nonce = random.uuid();
          await command('SET', `health/${host}`, nonce, 'PX', '60000');
          if ((await command('GET', `health/${host}`)) !== nonce) throw garbled('Redis');
        }, signal),
      ),
  });
};

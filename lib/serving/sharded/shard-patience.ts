import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { CircuitOpenError, TimeoutError } from '#resilience/errors';
import { inTime } from '#resilience/in-time';
import { persist, type Pause } from './limits.ts';
import type { CacheShard } from './membership.ts';

/** How long a shard is waited for. */
export interface Patience {
  /** A try that takes longer is given up: its shard does not answer. 1..60_000 ms. */
  readonly timeoutMs: number;
  /** So long a shard that was late is not asked again, but for one try to see whether it is back. 100..3_600_000 ms. */
  readonly pauseMs: number;
}

export const checkPatience = (patience: Patience): void => {
  checkNames(patience, ['timeoutMs', 'pauseMs']);
  checkInteger('patience.timeoutMs', patience.timeoutMs, 1, 60_000);
  checkInteger('patience.pauseMs', patience.pauseMs, 100, 3_600_000);
};

/** Whether a shard was late, or is left alone for that: to try again at once would only cost the same time again. */
export const isLate = (error: unknown): error is TimeoutError | CircuitOpenError =>
  error instanceof TimeoutError || error instanceof CircuitOpenError;

/** Runs calls of a shard as long as there is patience with its table; without a rule for that, as long as they take. */
export type Patiently = <T>(shard: CacheShard, call: () => Promise<T>) => Promise<T>;

export const shardPatience = (options: {
  readonly patience: Patience | undefined;
  readonly tableCount: number;
  readonly clock: Clock;
  readonly random: Random;
}): Patiently => {
  const { patience, tableCount, clock, random } = options;
  if (patience === undefined) return (_shard, call) => call();
  const { timeoutMs, pauseMs } = patience;
  const runs = Array.from({ length: tableCount }, (_, table) =>
    inTime({ name: `table ${table} of the shards`, clock, random, timeoutMs, pauseMs }),
  );
  return (shard, call) => runs[shard.table]?.(call) ?? call();
};

/** As {@link persist}, but a shard that is late ends it: its {@link isLate} error is the outcome. */
export const persistInTime = async <T>(
  what: string,
  pause: Pause,
  attempt: () => Promise<T | undefined>,
): Promise<T> => {
  const outcome = await persist<{ readonly value: T } | { readonly late: Error }>(what, pause, async () => {
    try {
      const value = await attempt();
      return value === undefined ? undefined : { value };
    } catch (error) {
      if (!isLate(error)) throw error;
      return { late: error };
    }
  });
  if ('late' in outcome) throw outcome.late;
  return outcome.value;
};

import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import type { Quota } from '#resilience/quota';
import type { Decision } from './gcra.ts';

export interface ExactLimiterOptions extends Quota {
  readonly table: Table;
  /** 1..64 bytes. Keeps apart limits that share a table. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * By so much the clocks of two hosts may differ when they start, the time that a call takes included; what they do
   * later is of no matter. `ratePerSecond` × so much is taken off the burst, and must leave something: who promises too
   * little here risks one more burst for each host that is further off. 0..3_600_000 ms.
   */
  readonly maxClockSkewMs: number;
  /** Keys whose state this host remembers, to be able to refuse without a call. 1..10_000_000. */
  readonly maxKeyCount: number;
  /** Callers of one key that wait for the table at a time; one more is refused. 1..1_000_000. */
  readonly maxWaitingCount: number;
}

export interface LeasedLimiterOptions extends ExactLimiterOptions {
  /**
   * So long a host may use what it has leased; what is left then is lost. `ratePerSecond` × so much is taken off the
   * burst as well. 1..600_000 ms.
   */
  readonly leaseMs: number;
}

export interface Limiter {
  /** What can be had at once: the burst, less what is taken off it. */
  readonly usableCount: number;
  /**
   * Lets a caller through, or not.
   *
   * @param key 1..1024 bytes.
   * @param count 1..what is left of the burst (of a leased limit: half of that), default 1.
   * @throws what the table throws: then nothing is known, and it is the caller's policy to let through or not
   */
  take(key: string, count?: number): Promise<Decision>;
}

import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { checkHolder, checkLease, checkName, locks } from './locks.ts';

export interface ScheduledLeaderOptions {
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  /** What is led: 1..512 bytes. */
  readonly name: string;
  /** This candidate, different from all others: 1..256 bytes. */
  readonly holder: string;
  /** At least two periods of the schedule, so that one run that is left out costs nothing. 100..3_600_000. */
  readonly leaseMs: number;
}

/** `follows`: another leads, and `holder` is who. */
export type Standing =
  | {
      readonly status: 'leads';
      readonly token: number;
      /** So long nobody else leads, counted from when the call began. */
      readonly leadsForMs: number;
    }
  | { readonly status: 'follows'; readonly holder: string; readonly token: number };

/** A leader among hosts that run only when they are called: what is renewed, and watched, is done at each call. */
export interface ScheduledLeader {
  /**
   * Renews the leadership of this host, or stands for it. Call it by a schedule, and do what only the leader does when
   * it leads, with its token. Calls: 1.
   *
   * A dead leader is succeeded at the first call that is a lease or more after the candidate first saw the last renewal.
   */
  stand(): Promise<Standing>;
}

/**
 * Leadership for functions without background threads.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const scheduledLeader = (options: ScheduledLeaderOptions): ScheduledLeader => {
  checkNames(options, ['table', 'clock', 'random', 'name', 'holder', 'leaseMs']);
  const { table, clock, random, name, holder, leaseMs } = options;
  checkName(name);
  checkHolder(holder);
  checkLease(leaseMs);
  checkParts({ table, clock, random });
  const store = locks({ table, clock, random });
  // One for all its acquisitions: what it finds under it is its own, whichever answer was lost.
  const claim = random.uuid();
  let ownToken: number | undefined;

  const leading = (token: number, sentAtMs: number): Standing => {
    ownToken = token;
    return { status: 'leads', token, leadsForMs: Math.max(0, sentAtMs + leaseMs - clock.monotonicMs()) };
  };

  return Object.freeze<ScheduledLeader>({
    stand: async () => {
      if (ownToken !== undefined) {
        const outcome = await store.renew(name, { holder, token: ownToken });
        if (outcome.status === 'renewed') return leading(ownToken, outcome.sentAtMs);
        ownToken = undefined;
      }
      const outcome = await store.acquire(name, { holder, leaseMs, claim });
      if (outcome.status === 'acquired') return leading(outcome.token, outcome.sentAtMs);
      return { status: 'follows', holder: outcome.holder, token: outcome.token };
    },
  });
};

import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { isRetryable } from '#primitives/errors';
import type { Log } from '#primitives/log';
import { checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { checkLease, locks, type AcquireOutcome, type Look } from './locks.ts';
import { tenureOf, type Tenure } from './tenure.ts';

export interface ElectionOptions {
  /** Where the locks are: nobody else writes these records, and nobody deletes them. */
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  /** How long an ownership lasts that is not renewed: 100..3_600_000. All others wait so long for a dead owner. */
  readonly leaseMs: number;
  /** The longest that a waiter does not look, from 10 to `leaseMs`; it looks at random after half of it and more. Default: `leaseMs` / 20. */
  readonly pollMs?: number;
  /**
   * How often `hold` renews, from 10 to half of the lease, and less than the lease without its margin. Default: a third of
   * the lease.
   */
  readonly renewMs?: number;
  /**
   * The owner stops itself so long before its lease ends: for what it does not notice at once, and for clocks that do not
   * run equally fast. From 1 to half of the lease. Default: a tenth of the lease.
   */
  readonly marginMs?: number;
  /** Hears of renewals and resignations that fail. */
  readonly log?: Log;
}

/** Who owns a name, as it was last seen. */
export interface Observation {
  /** Undefined: nobody. */
  readonly holder: string | undefined;
  readonly token: number;
  readonly leaseMs: number;
  /** When it was acquired by the clock of who acquired it: for people. */
  readonly sinceMs: number;
  /** How long this host has seen it so: past `leaseMs` the owner is dead, or cut off. */
  readonly unchangedForMs: number;
}

export interface Election {
  /**
   * Waits until this host owns the name. Waiters poll at random moments, so that each is as likely as any other to be
   * next; who has just resigned waits two polls longer, so that it does not come before those who waited.
   *
   * Takeover of a dead owner's: at most one lease and one poll after its last renewal, for a waiter that watches.
   *
   * Calls: 1 when nobody owns it; else 1 for each poll and 1 to acquire. A table that fails is asked again at the next
   * poll.
   *
   * @param signal Stops waiting and rejects with its reason. What was acquired meanwhile is released first; where that
   *   fails it is free a lease later.
   */
  campaign(name: string, holder: string, signal?: AbortSignal): Promise<Tenure>;
  /**
   * Campaigns, does the work while it renews, and resigns. The work gets the tenure: it ends with `tenure.signal`, and
   * sends `tenure.token` with what it writes. The outcome is the work's; `signal` stops the waiting and, by the tenure's
   * resignation, the work.
   */
  hold<T>(name: string, holder: string, work: (tenure: Tenure) => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Who owns the name; undefined when nobody ever did. Calls: 1. */
  observe(name: string): Promise<Observation | undefined>;
}

const OPTIONS = ['table', 'clock', 'random', 'leaseMs', 'pollMs', 'renewMs', 'marginMs', 'log'];
const POLLS_IN_A_LEASE = 20;
const RENEWALS_IN_A_LEASE = 3;
const MARGIN_OF_A_LEASE = 1 / 10;
const MIN_MS = 10;
/** In one poll whoever waits has looked, in the other it has acquired. */
const YIELDED_POLLS = 2;
/** Names that this host has resigned, with when; the oldest are forgotten. */
const RESIGNED_LIMIT = 1_000;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const settingsOf = (options: ElectionOptions) => {
  checkNames(options, OPTIONS);
  const { leaseMs, table, clock, random } = options;
  checkParts({ table, clock, random });
  checkLease(leaseMs);
  const {
    pollMs = Math.max(MIN_MS, Math.floor(leaseMs / POLLS_IN_A_LEASE)),
    renewMs = Math.floor(leaseMs / RENEWALS_IN_A_LEASE),
    marginMs = Math.ceil(leaseMs * MARGIN_OF_A_LEASE),
  } = options;
  checkInteger('pollMs', pollMs, MIN_MS, leaseMs);
  checkInteger('renewMs', renewMs, MIN_MS, Math.floor(leaseMs / 2));
  checkInteger('marginMs', marginMs, 1, Math.floor(leaseMs / 2));
  // The owner would have stopped itself when its first renewal is due.
  if (renewMs + marginMs >= leaseMs)
    throw refuse('renewMs', `less than leaseMs − marginMs, ${leaseMs - marginMs}`, renewMs);
  return { leaseMs, pollMs, renewMs, marginMs };
};

/** Remembers when names were resigned here. */
const resignations = (clock: Clock) => {
  const at = new Map<string, number>();
  return {
    note: (name: string): void => {
      at.delete(name);
      at.set(name, clock.monotonicMs());
      const [oldest] = at.keys();
      if (at.size > RESIGNED_LIMIT && oldest !== undefined) at.delete(oldest);
    },
    sinceMs: (name: string): number => clock.monotonicMs() - (at.get(name) ?? -Infinity),
  };
};

/**
 * Who may do it: one owner at a time for each name, among hosts that share nothing but a table.
 *
 * Exactly one at a time is what clocks and pauses do not allow anybody to promise: an owner that is paused may wake up
 * after its lease and write. So every tenure has a fencing token, strictly higher than those before it, and a resource
 * that is written by {@link guarded} refuses the late one.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 10
 */
export const election = (options: ElectionOptions): Election => {
  const { leaseMs, pollMs, renewMs, marginMs } = settingsOf(options);
  const { table, clock, random, log } = options;
  const store = locks({ table, clock, random });
  const resigned = resignations(clock);

  const tenure = (name: string, holder: string, acquired: AcquireOutcome & { status: 'acquired' }): Tenure => {
    const { token, sentAtMs } = acquired;
    const held = tenureOf({ locks: store, clock, name, holder, token, leaseMs, marginMs, sentAtMs });
    return Object.freeze<Tenure>({
      ...held,
      resign: () => {
        resigned.note(name);
        return held.resign();
      },
    });
  };
  const resignQuietly = async (held: Tenure): Promise<void> => {
    try {
      await held.resign();
    } catch (error) {
      log?.warn('an ownership was not resigned; it ends with its lease', { name: held.name, reason: reasonOf(error) });
    }
  };

  /** Undefined: it failed for now, and the next poll may do better. */
  const orLater = async <T>(call: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return undefined;
    }
  };
  const pause = (look: Look | undefined): number => {
    const pollInMs = pollMs * (1 / 2 + random.next() / 2);
    return look === undefined || look.takeableInMs === 0 ? pollInMs : Math.min(pollInMs, look.takeableInMs);
  };
  /** Worth a write: it is free, or silent for so long, or nobody knows. */
  const mayTake = (look: Look | undefined): boolean => look === undefined || look.takeableInMs === 0;

  const campaign: Election['campaign'] = async (name, holder, signal) => {
    signal?.throwIfAborted();
    const claim = random.uuid();
    const yieldMs = YIELDED_POLLS * pollMs - resigned.sinceMs(name);
    if (yieldMs > 0) await clock.sleep(yieldMs, signal);
    for (let isFirst = true; ; isFirst = false) {
      const isDue = isFirst || mayTake(store.known(name)) || mayTake(await orLater(() => store.look(name)));
      const outcome = isDue ? await orLater(() => store.acquire(name, { holder, leaseMs, claim })) : undefined;
      if (outcome?.status === 'acquired') {
        const held = tenure(name, holder, outcome);
        if (signal?.aborted === true) await resignQuietly(held);
        signal?.throwIfAborted();
        // It may have taken so long that there is nothing left of it.
        if (held.isHeld()) return held;
        await resignQuietly(held);
      }
      await clock.sleep(pause(store.known(name)), signal);
    }
  };

  /** Renews until the tenure is over. A renewal that failed is repeated soon: there is time for a few. */
  const keep = async (held: Tenure): Promise<void> => {
    try {
      for (let isWell = true; ;) {
        await clock.sleep(isWell ? renewMs : Math.min(renewMs, Math.max(MIN_MS, held.leftMs() / 4)), held.signal);
        isWell = await held.renew().then(
          () => true,
          (error: unknown) => {
            log?.warn('an ownership was not renewed', { name: held.name, reason: reasonOf(error) });
            return false;
          },
        );
      }
    } catch {
      // The tenure is over.
    }
  };

  return Object.freeze<Election>({
    campaign,
    hold: async (name, holder, work, signal) => {
      const held = await campaign(name, holder, signal);
      const stop = (): void => void resignQuietly(held);
      signal?.addEventListener('abort', stop, { once: true });
      // Since the campaign looked, and not to be heard any more.
      if (signal?.aborted === true) stop();
      void keep(held);
      try {
        return await work(held);
      } finally {
        signal?.removeEventListener('abort', stop);
        await resignQuietly(held);
      }
    },
    observe: async (name) => {
      const look = await store.look(name);
      if (look === undefined) return undefined;
      const { holder, token, leaseMs: itsLeaseMs, sinceMs } = look.record;
      const known = { token, leaseMs: itsLeaseMs, sinceMs, unchangedForMs: look.unchangedForMs };
      return Object.freeze({ holder: holder === '' ? undefined : holder, ...known });
    },
  });
};

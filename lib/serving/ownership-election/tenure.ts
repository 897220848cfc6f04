import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Locks } from './locks.ts';

/** The signal's reason when a tenure is over. */
export class OwnershipEndedError extends PatternError {
  constructor(name: string, why: string) {
    super('ownership/ended', `The ownership of '${name}' is over: ${why}.`);
  }
}

/** An ownership of a lock, from its acquisition until it ends for this host, which is before it ends for the others. */
export interface Tenure {
  readonly name: string;
  readonly holder: string;
  /** The fencing token: send it with everything that only the owner may do. */
  readonly token: number;
  /** Aborted `marginMs` before the lease ends, and when the lock is lost or resigned. Hand it to whatever you do. */
  readonly signal: AbortSignal;
  /** Looks at the clock itself: right also after a pause in which the signal could not be aborted. */
  isHeld(): boolean;
  /** 0 when it is over. */
  leftMs(): number;
  /**
   * Begins the lease anew. False when the tenure is over: then nothing is renewed any more, also where nobody else has
   * taken over. Calls: 1. Rejects when nobody knows, or the table fails: the lease goes on as it was.
   */
  renew(): Promise<boolean>;
  /** Ends the tenure at once and lets go of the lock. False when it was not ours any more. Calls: 1, repeated: 0. */
  resign(): Promise<boolean>;
}

export interface TenureOptions {
  readonly locks: Locks;
  readonly clock: Clock;
  readonly name: string;
  readonly holder: string;
  readonly token: number;
  readonly leaseMs: number;
  readonly marginMs: number;
  /** By the monotonic clock, before the acquisition was sent. */
  readonly sentAtMs: number;
}

/** Watches over an acquired lock. It holds a timer until it is over. */
export const tenureOf = (options: TenureOptions): Tenure => {
  const { locks, clock, name, holder, token, leaseMs, marginMs } = options;
  const ending = new AbortController();
  const own = { holder, token };
  let untilMs = options.sentAtMs + leaseMs - marginMs;
  let resigned: Promise<boolean> | undefined;

  const end = (why: string): void => {
    if (!ending.signal.aborted) ending.abort(new OwnershipEndedError(name, why));
  };
  const leftMs = (): number => (ending.signal.aborted ? 0 : Math.max(0, untilMs - clock.monotonicMs()));

  const watch = async (): Promise<void> => {
    try {
      // A renewal moves the end; the sleeper finds out when it wakes.
      for (let restMs = leftMs(); restMs > 0; restMs = leftMs()) await clock.sleep(restMs, ending.signal);
      end('the lease was not renewed in time');
    } catch {
      // Ended meanwhile.
    }
  };
  void watch();

  const isHeld = (): boolean => leftMs() > 0;

  const release = async (): Promise<boolean> => {
    try {
      return (await locks.release(name, own)).status === 'released';
    } catch (error) {
      // Nobody knows: who wants to may try again.
      resigned = undefined;
      throw error;
    }
  };

  return Object.freeze<Tenure>({
    name,
    holder,
    token,
    signal: ending.signal,
    isHeld,
    leftMs,
    renew: async () => {
      if (!isHeld()) {
        end('the lease was not renewed in time');
        return false;
      }
      const outcome = await locks.renew(name, own);
      if (outcome.status === 'lost') {
        end(outcome.holder === '' ? 'it was released' : 'another holds it');
        return false;
      }
      // Whoever was told to stop must not go on, though the renewal came in time for the others.
      if (!isHeld()) {
        end('the renewal was not answered in time');
        return false;
      }
      untilMs = Math.max(untilMs, outcome.sentAtMs + leaseMs - marginMs);
      return true;
    },
    resign: () => {
      end('it was resigned');
      resigned ??= release();
      return resigned;
    },
  });
};

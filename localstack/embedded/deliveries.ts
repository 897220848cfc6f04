import { stepDelivery, type DeliveryPolicy, type ExhaustedCondition } from '#event-sources/delivery';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';

/** How one try ended. The codes are those that AWS puts into dead letters. */
export type TryOutcome =
  | { readonly status: 'delivered' }
  | { readonly status: 'failed'; readonly code: string; readonly message: string; readonly retryable: boolean };

/** Why a delivery was given up. */
export interface GivenUp {
  readonly code: string;
  readonly message: string;
  readonly retryCount: number;
  /** Absent when it was not worth a second try. */
  readonly exhausted?: ExhaustedCondition;
}

export interface Delivery {
  /** For the log. */
  readonly what: string;
  /** What it keeps in memory. */
  readonly byteCount: number;
  readonly policy: DeliveryPolicy;
  /** Tries once. Never rejects. */
  readonly attempt: (retryCount: number) => Promise<TryOutcome>;
  /** What is to be delivered instead; undefined when that is nothing. */
  readonly deadLetter: (reason: GivenUp) => Delivery | undefined;
}

export interface Deliveries {
  /** False when so much waits that nothing more should be taken on. */
  hasRoom(): boolean;
  /** Delivers at least once, or gives it up as its policy says. */
  accept(delivery: Delivery): void;
  /** Forgets what waits. */
  close(): void;
}

const MAX_RUNNING = 64;
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 256 * 1_024 * 1_024;

interface Pending {
  readonly delivery: Delivery;
  readonly sinceMs: number;
  readonly failedCount: number;
}

/** Delivers events to targets, a bounded number at once, the oldest first, each as long as its policy says. */
export const startDeliveries = (options: { readonly random: Random; readonly log: Log }): Deliveries => {
  const { random, log } = options;
  const timers = new Set<NodeJS.Timeout>();
  const queue: Pending[] = [];
  let running = 0;
  let count = 0;
  let byteCount = 0;
  let closed = false;

  const done = ({ delivery }: Pending): void => {
    count -= 1;
    byteCount -= delivery.byteCount;
  };

  const later = (pending: Pending, delayMs: number): void => {
    if (closed) return;
    const timer = setTimeout(() => {
      timers.delete(timer);
      queue.push(pending);
      pump();
    }, delayMs);
    timers.add(timer);
  };

  const giveUp = (pending: Pending, reason: GivenUp): void => {
    done(pending);
    const deadLetter = pending.delivery.deadLetter(reason);
    const deadLettered = deadLetter !== undefined;
    log.warn('a delivery was given up', { what: pending.delivery.what, ...reason, deadLettered });
    if (deadLetter !== undefined) accept(deadLetter);
  };

  const run = async (pending: Pending): Promise<void> => {
    const outcome = await pending.delivery.attempt(pending.failedCount);
    if (outcome.status === 'delivered') return done(pending);
    const { code, message, retryable } = outcome;
    const reason = { code, message, retryCount: pending.failedCount };
    if (!retryable) return giveUp(pending, reason);
    const failedCount = pending.failedCount + 1;
    const ageMs = performance.now() - pending.sinceMs;
    const step = stepDelivery({ failedCount, ageMs }, pending.delivery.policy, random.next());
    if (step.kind === 'retry') later({ ...pending, failedCount }, step.delayMs);
    else giveUp(pending, { ...reason, exhausted: step.condition });
  };

  const pump = (): void => {
    while (!closed && running < MAX_RUNNING) {
      const next = queue.shift();
      if (next === undefined) return;
      running += 1;
      void run(next).finally(() => {
        running -= 1;
        pump();
      });
    }
  };

  const accept = (delivery: Delivery): void => {
    if (closed) return;
    count += 1;
    byteCount += delivery.byteCount;
    queue.push({ delivery, sinceMs: performance.now(), failedCount: 0 });
    pump();
  };

  return Object.freeze({
    hasRoom: () => count < MAX_WAITING && byteCount < MAX_WAITING_BYTES,
    accept,
    close: () => {
      closed = true;
      queue.length = 0;
      for (const timer of timers) clearTimeout(timer);
      timers.clear();
    },
  });
};

import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { attemptsOf, type Run } from './attempts.ts';
import { checkDeadline, checkRetryRules, type RetryRules } from './retry-rules.ts';

export interface RetryOptions extends RetryRules {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Of all attempts and the waits between them, 1..86_400_000 ms. An attempt that still runs then is not waited for, and a
   * wait that would end later is not begun. Default: none.
   */
  readonly deadlineMs?: number;
}

/**
 * Tries a call again while it fails for reasons that pass, with full jitter between the attempts, within a number of
 * attempts, a deadline and a budget, whichever ends first. The outcome is then the last error or value.
 *
 * A call that is not idempotent is sent once, whatever became of it: only `wasNotSent` can allow a second attempt. A
 * crash in between leaves what the attempts have done.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @example
 * const send = retry({ clock, random, attemptCount: 3, backoff: { baseMs: 100, limitMs: 2_000 } });
 * const answer = await send(() => fetch(url), { idempotent: true });
 */
export const retry = (options: RetryOptions): Run => {
  checkRetryRules(options, ['clock', 'random', 'deadlineMs']);
  checkDeadline(options.deadlineMs);
  const { clock, random, deadlineMs } = options;
  return attemptsOf({ clock, random, rules: options, deadlineMs });
};

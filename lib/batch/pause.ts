import { jitteredPauseOf, persistence } from '#resilience/persist';

export type { Pause } from '#resilience/persist';

/** How often a call is made before its message is left to come again: the queue is the longer retry. */
export const MAX_TRIES = 6;

export const jitteredPause = jitteredPauseOf({ baseMs: 40, limitMs: 500 });

/** Gives up after {@link MAX_TRIES} tries, as `work-queue/gave-up`. */
export const persist = persistence({ code: 'work-queue/gave-up', tryCount: MAX_TRIES });

import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';

/** Even a turn that does not end sees time pass. */
const MAX_READS = 64;

/**
 * A clock whose monotonic time stands still while one turn of the event loop runs: it is read at the first call of a
 * turn, and at every 64th. For what asks the time at each of a million calls a second, where a read costs as much as all
 * the rest. What is judged by it is judged as of the turn's begin: a turn that blocks for a second sees a value that
 * expired within that second as fresh.
 *
 * Not for a virtual clock, where time passes between turns or within one.
 */
export const turnClock = (options: { readonly clock: Clock }): Clock => {
  checkNames(options, ['clock']);
  const { clock } = options;
  let readMs = 0;
  let left = 0;
  let isAwaited = false;

  const endTurn = (): void => {
    left = 0;
    isAwaited = false;
  };
  const read = (): number => {
    readMs = clock.monotonicMs();
    left = MAX_READS;
    if (!isAwaited) {
      isAwaited = true;
      setImmediate(endTurn);
    }
    return readMs;
  };

  return Object.freeze<Clock>({
    nowMs: clock.nowMs,
    sleep: clock.sleep,
    monotonicMs: () => {
      if (left === 0) return read();
      left -= 1;
      return readMs;
    },
  });
};

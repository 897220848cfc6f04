import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 50;

/** Waits until it holds; fails with `what` when it does not within the time. */
export const eventually = async (
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> => {
  const untilMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error(`did not come true within ${timeoutMs / 1_000} s: ${what}`);
    await sleep(PAUSE_MS);
  }
};

/** Waits `forMs` and fails with `what` when it does not hold then: for what must not happen. */
export const holdsFor = async (what: string, forMs: number, holds: () => boolean | Promise<boolean>): Promise<void> => {
  await sleep(forMs);
  if (!(await holds())) throw new Error(`did not stay true for ${forMs / 1_000} s: ${what}`);
};

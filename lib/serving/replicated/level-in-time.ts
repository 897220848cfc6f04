import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { inTime } from '#resilience/in-time';
import type { SharedLevel } from './shared-level.ts';

/** A shared level that is not waited for: one that is late counts as away ({@link inTime}). */
export const levelInTime = (
  level: SharedLevel,
  options: {
    readonly name: string;
    readonly clock: Clock;
    readonly random: Random;
    readonly timeoutMs: number;
    readonly pauseMs: number;
  },
): SharedLevel => {
  const within = inTime({ ...options, name: `shared level of ${options.name}` });
  return Object.freeze<SharedLevel>({
    read: (key) => within(() => level.read(key)),
    acquire: (...given) => within(() => level.acquire(...given)),
    store: (...given) => within(() => level.store(...given)),
    fail: (...given) => within(() => level.fail(...given)),
    drop: (key) => within(() => level.drop(key)),
  });
};

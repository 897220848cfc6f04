import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { spaceSaving } from './space-saving.ts';

/** Tells which keys are read more often than one shard should bear. */
export interface HotKeys {
  /** Notes a read, and tells whether the key is hot. */
  read(key: string): boolean;
  isHot(key: string): boolean;
  /** The hot keys, most read first, with how often each was read lately at least. */
  list(): readonly { readonly key: string; readonly readCount: number }[];
}

export interface HotKeysOptions {
  /** Reads on this host within about a window that make a key hot. 2..1_000_000. */
  readonly readCount: number;
  /** After so long counts are halved. 100..3_600_000 ms. */
  readonly windowMs: number;
  /** Keys that are counted at a time: bounds the memory. 1..10_000. Default 128. */
  readonly capacityCount?: number;
  readonly clock: Clock;
}

/**
 * A key is hot when this host alone has read it `readCount` times within a window; it cools within two windows. Each
 * host finds out by itself: a key that is hot for all together and for none alone stays with its shard.
 */
export const hotKeys = (options: HotKeysOptions): HotKeys => {
  checkNames(options, ['readCount', 'windowMs', 'capacityCount', 'clock']);
  const { readCount, windowMs, capacityCount = 128, clock } = options;
  checkInteger('readCount', readCount, 2, 1_000_000);
  checkInteger('windowMs', windowMs, 100, 3_600_000);
  const counts = spaceSaving({ capacityCount });
  let windowStartMs = clock.monotonicMs();

  const turn = (): void => {
    const passed = Math.floor((clock.monotonicMs() - windowStartMs) / windowMs);
    // After so many halvings nothing is left of any count.
    for (let times = 0; times < Math.min(passed, 32); times += 1) counts.halve();
    windowStartMs += passed * windowMs;
  };
  return Object.freeze<HotKeys>({
    read: (key) => {
      turn();
      return counts.add(key) >= readCount;
    },
    isHot: (key) => {
      turn();
      return counts.atLeast(key) >= readCount;
    },
    list: () => {
      turn();
      return counts
        .top()
        .map(({ key, count, error }) => ({ key, readCount: count - error }))
        .filter((each) => each.readCount >= readCount);
    },
  });
};

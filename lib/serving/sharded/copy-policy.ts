import type { Copies, Entry } from './entry.ts';
import type { HotKeys } from './hot-keys.ts';
import type { Route } from './routes.ts';

/** Which keys are hot, how many copies these have, and for how long after they were found hot. */
export interface HotPolicy {
  readonly keys: HotKeys;
  readonly copyCount: number;
  readonly keepMs: number;
}

/** Which copies an entry shall have. */
export interface CopyPolicy {
  /** The copies for the next write of an entry; those of a hot key stay for its time, whoever writes. */
  wanted(route: Route, before: Entry | undefined, isHot: boolean, nowMs: number): { readonly copies?: Copies };
  /** Whether an entry has other copies than it should, or has them for less than half of a hot key's time. */
  lacks(route: Route, entry: Entry, isHot: boolean, nowMs: number): boolean;
}

/** @param options `copyCount`: of every entry. */
export const copyPolicy = (options: {
  readonly copyCount: number;
  readonly hot?: HotPolicy | undefined;
}): CopyPolicy => {
  const { copyCount, hot } = options;

  const wanted: CopyPolicy['wanted'] = (route, before, isHot, nowMs) => {
    const heldUntilMs = before?.copies?.hotUntilMs ?? 0;
    const hotUntilMs = isHot && hot !== undefined ? nowMs + hot.keepMs : heldUntilMs;
    const staysHot = hot !== undefined && hotUntilMs > nowMs;
    const count = staysHot ? hot.copyCount : copyCount;
    const shards = count === 0 ? [] : route.next(count);
    if (shards.length === 0) return {};
    return { copies: { home: route.home.partition, shards, ...(staysHot ? { hotUntilMs } : {}) } };
  };

  return Object.freeze<CopyPolicy>({
    wanted,
    lacks: (route, entry, isHot, nowMs) => {
      const { copies: has } = entry;
      const { copies } = wanted(route, entry, isHot, nowMs);
      // Those of a key that has cooled are taken away by its next write: a read does not pay for that.
      if (copies === undefined) return false;
      const isElsewhere = copies.shards.some(({ name }) => has?.shards.every((shard) => shard.name !== name) ?? true);
      if (isElsewhere || has?.home !== copies.home) return true;
      return isHot && hot !== undefined && (has.hotUntilMs ?? 0) < nowMs + hot.keepMs / 2;
    },
  });
};

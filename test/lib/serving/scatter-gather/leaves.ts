import { memoryClock, type MemoryClock } from '#primitives/memory/clock';
import { retryBudget } from '#resilience/retry-budget';
import type { ScatterGatherOptions } from '#serving/scatter-gather/scatter-gather';
import type { LeafPart } from '#serving/scatter-gather/types';

/** One call that a leaf got. */
export interface SeenCall {
  readonly leaf: string;
  readonly replica: number;
  readonly request: string;
  readonly attempt: number;
  readonly atMs: number;
  readonly signal: AbortSignal;
}

/** What a leaf does with a call: answers after so long, fails after so long, or never ends. */
export type Behaviour = { readonly afterMs: number; readonly fails?: boolean } | 'hang';

export interface Leaves {
  readonly clock: MemoryClock;
  readonly calls: SeenCall[];
  readonly options: ScatterGatherOptions<string, string, readonly string[]>;
}

/** Leaves on a virtual clock, each doing as told; a leaf answers `<request>@<leaf>`. */
export const someLeaves = (options: {
  readonly count: number;
  readonly replicaCount?: number;
  readonly behaviour: (leaf: number, attempt: number, request: string) => Behaviour;
  readonly policy?: Partial<ScatterGatherOptions<string, string, readonly string[]>>;
}): Leaves => {
  const clock = memoryClock();
  const calls: SeenCall[] = [];
  const leaves = Array.from({ length: options.count }, (_leaf, leaf) => ({
    name: `leaf-${leaf}`,
    replicas: Array.from({ length: options.replicaCount ?? 1 }, (_replica, replica) => {
      return async (request: string, { number, signal }: { number: number; signal: AbortSignal }): Promise<string> => {
        const name = `leaf-${leaf}`;
        calls.push({ leaf: name, replica, request, attempt: number, atMs: clock.monotonicMs(), signal });
        const does = options.behaviour(leaf, number, request);
        // It does not obey its signal: what it still comes to must not count.
        await clock.sleep(does === 'hang' ? 3_600_000 : does.afterMs);
        if (does !== 'hang' && does.fails === true) throw new Error(`${name} fails`);
        return `${request}@${name}`;
      };
    }),
  }));
  return {
    clock,
    calls,
    options: {
      leaves,
      merge: (parts: readonly LeafPart<string>[]) => parts.map(({ part }) => part),
      clock,
      deadlineMs: 500,
      quorum: 1,
      retryCount: 2,
      budget: retryBudget({ ratio: 1, burstCount: 1_000, initialCount: 1_000 }),
      ...options.policy,
    },
  };
};

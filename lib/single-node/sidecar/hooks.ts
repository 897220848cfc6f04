import type { Clock } from '#primitives/clock';
import type { Member } from './crew.ts';
import type { Sidecar } from './sidecar.ts';
import { within, type Ended } from './within.ts';

export interface HookRun {
  readonly members: readonly Member[];
  readonly clock: Clock;
  /** For all of them together. A hook whose turn comes later is not called, and counts as late. */
  readonly ms: number;
  readonly hook: 'before' | 'after';
  readonly call: (sidecar: Sidecar, signal: AbortSignal) => Promise<void> | void;
  /** Whether no hook is called behind one of a required sidecar that failed. */
  readonly stopsAtRequired: boolean;
  /** What a line about a hook says besides. */
  readonly invocation: string;
}

/** A hook that did not do its work. */
export interface HookFailure {
  readonly member: Member;
  readonly error: unknown;
}

/**
 * Calls one hook after the other. One that fails or is late is logged, and does not keep the others from being called
 * while there is time, unless `stopsAtRequired`: then that failure is given. Never throws.
 */
export const runHooks = async (run: HookRun): Promise<HookFailure | undefined> => {
  const { members, clock, hook, call, stopsAtRequired, invocation } = run;
  const endsAtMs = clock.monotonicMs() + run.ms;
  for (const member of members) {
    const { sidecar, need, log } = member;
    if (sidecar[hook] === undefined) continue;
    const leftMs = endsAtMs - clock.monotonicMs();
    const ended: Ended<void> =
      leftMs > 0 ? await within(clock, leftMs, (signal) => call(sidecar, signal)) : { status: 'late' };
    if (ended.status === 'done') continue;
    const error = ended.status === 'failed' ? ended.error : undefined;
    log.warn('hook of a sidecar did not do its work', { hook, need, invocation, status: ended.status, error });
    if (need === 'required' && stopsAtRequired) return { member, error };
  }
  return undefined;
};

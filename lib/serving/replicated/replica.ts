import { checkInteger, checkNames, checkNumber, checkText } from '#primitives/checks';
import { checkList, checkParts } from '#primitives/part-checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';

/** Something that a replica needs to serve. */
export interface ReadinessCheck {
  readonly name: string;
  /** Resolves when it is there; what it rejects with is the reason. Its signal is aborted when its time is over. */
  readonly check: (signal: AbortSignal) => Promise<void>;
  /** Without it the replica serves worse, not at all when true. */
  readonly isRequired: boolean;
}

export interface CheckResult {
  readonly name: string;
  readonly ok: boolean;
  readonly reason?: string;
}

/** `degraded`: it serves, and something that is not required is missing. `unready` and `draining`: send it nothing. */
export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'unready' | 'draining';
  readonly checks: readonly CheckResult[];
}

export interface ReplicaOptions {
  /** 1..128 bytes, another one for each replica. */
  readonly name: string;
  readonly clock: Clock;
  /** At most 20. */
  readonly checks: readonly ReadinessCheck[];
  /** A check that takes longer has failed. 1..60_000 ms. */
  readonly checkTimeoutMs: number;
  /** What a check said is said again for so long. 0..60_000 ms. */
  readonly recheckMs: number;
}

export interface Replica {
  readonly name: string;
  /** Whether to send it requests. Its being alive is another matter, and asks nothing of others. */
  readiness(): Promise<Readiness>;
  /**
   * Serves a request: it is waited for when the replica drains.
   *
   * @throws {@link DrainingError} when the replica takes no more; nothing was done
   */
  serve<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Takes no more requests, says so to whoever asks, and waits for those that it has, for at most `timeoutMs`. Can be
   * called again.
   */
  drain(timeoutMs: number): Promise<{ readonly leftCount: number }>;
}

/** The replica takes no more requests: another one will. */
export class DrainingError extends PatternError {
  constructor(replica: string) {
    super('replica/draining', `Replica ${replica} takes no more requests`, { retryable: true });
  }
}

const REASON_LIMIT = 200;
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * A replica's life: whether it is ready, what it is doing, and its end. Readiness asks what the replica depends on, each
 * thing within a time and at most once in `recheckMs`, however often it is asked.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const replica = (options: ReplicaOptions): Replica => {
  checkNames(options, ['name', 'clock', 'checks', 'checkTimeoutMs', 'recheckMs']);
  const { name, clock, checks, checkTimeoutMs, recheckMs } = options;
  checkParts({ clock });
  checkText('name', name, 1, 128);
  checkList('checks', checks, 'a list of at most 20 checks');
  checkInteger('number of checks', checks.length, 0, 20);
  checkNumber('checkTimeoutMs', checkTimeoutMs, 1, 60_000);
  checkNumber('recheckMs', recheckMs, 0, 60_000);
  let isDraining = false;
  let runningCount = 0;
  /** It drains, and the last request has ended. */
  const idle = Promise.withResolvers<void>();
  let last: { readonly atMs: number; readonly results: Promise<readonly CheckResult[]> } | undefined;

  const runCheck = async ({ name: checked, check }: ReadinessCheck): Promise<CheckResult> => {
    const late = new AbortController();
    const over = new AbortController();
    const alarm = async (): Promise<never> => {
      await clock.sleep(checkTimeoutMs, over.signal);
      const error = new Error(`no answer within ${checkTimeoutMs} ms`);
      late.abort(error);
      throw error;
    };
    try {
      await Promise.race([check(late.signal), alarm()]);
      return { name: checked, ok: true };
    } catch (error) {
      return { name: checked, ok: false, reason: reasonOf(error).slice(0, REASON_LIMIT) };
    } finally {
      over.abort();
    }
  };

  const results = (): Promise<readonly CheckResult[]> => {
    const nowMs = clock.monotonicMs();
    if (last === undefined || nowMs - last.atMs >= recheckMs)
      last = { atMs: nowMs, results: Promise.all(checks.map(runCheck)) };
    return last.results;
  };

  return Object.freeze<Replica>({
    name,
    readiness: async () => {
      if (isDraining) return { status: 'draining', checks: [] };
      const found = await results();
      const failed = new Set(found.filter(({ ok }) => !ok).map((result) => result.name));
      const isMissing = checks.some((check) => check.isRequired && failed.has(check.name));
      const status = isMissing ? 'unready' : failed.size > 0 ? 'degraded' : 'ready';
      return { status: isDraining ? 'draining' : status, checks: found };
    },
    serve: async (work) => {
      if (isDraining) throw new DrainingError(name);
      runningCount += 1;
      try {
        return await work();
      } finally {
        runningCount -= 1;
        if (isDraining && runningCount === 0) idle.resolve();
      }
    },
    drain: async (timeoutMs) => {
      checkNumber('timeoutMs', timeoutMs, 0, 900_000);
      isDraining = true;
      const over = new AbortController();
      const limit = clock.sleep(timeoutMs, over.signal).catch(() => undefined);
      if (runningCount > 0) await Promise.race([idle.promise, limit]);
      over.abort();
      return { leftCount: runningCount };
    },
  });
};

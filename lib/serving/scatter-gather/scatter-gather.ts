import { checkInteger, checkNames, checkNumber, checkText, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkFunction, checkList, checkParts } from '#primitives/part-checks';
import { isThenable } from '#resilience/attempt';
import { alarmAt, alarms } from '#resilience/alarms';
import { TimeoutError } from '#resilience/errors';
import type { RetryBudget } from '#resilience/retry-budget';
import { latencyQuantile, type LatencyQuantile } from './latency-quantile.ts';
import { leafRun, type LeafRun } from './leaf-run.ts';
import type { Gathered, Leaf, LeafPart, Missing } from './types.ts';

/** When a leaf that is late is asked once more beside. */
export interface HedgeRule {
  /** The share of calls that is not late. 0.5..0.999; 0.95 asks one leaf of twenty again. */
  readonly quantile: number;
  /** Nothing is late before. 0..900_000 ms: below what a hedge itself costs it would only add load. */
  readonly minDelayMs: number;
  /** Nothing is late before so many latencies are known. 1..100_000. */
  readonly sampleCount: number;
}

export interface ScatterGatherOptions<Request, Part, Answer> {
  /** 1..1_000. */
  readonly leaves: readonly Leaf<Request, Part>[];
  /** Makes the answer of the parts that came, in the order of the leaves. Must not wait for anything. */
  readonly merge: (parts: readonly LeafPart<Part>[], request: Request) => Answer;
  readonly clock: Clock;
  /** A request is answered by then, with what has come. 1..900_000 ms. */
  readonly deadlineMs: number;
  /** How many leaves have to answer for an answer to be one. 1..the number of leaves. */
  readonly quorum: number;
  /** How many calls a leaf may get beside the first, for a request, late and failed together. 0..9. */
  readonly retryCount: number;
  /** What extra calls may cost over all requests; each first call is offered to it. */
  readonly budget: RetryBudget;
  /** Left out: no leaf is late before the deadline. */
  readonly hedge?: HedgeRule;
}

export interface RequestOptions {
  /** At most that of the pattern, which is the default. */
  readonly deadlineMs?: number;
  /** Instead of that of the pattern. */
  readonly quorum?: number;
  /** Ends the waiting: the outcome is its reason, and the leaves are told by their own signals. */
  readonly signal?: AbortSignal;
}

/** Asks all leaves. */
export type ScatterGather<Request, Answer> = (request: Request, options?: RequestOptions) => Promise<Gathered<Answer>>;

const MAX_MS = 900_000;
/** A p95 of so many latencies is off by a tenth of a percent; beyond it they are of another time. */
const WINDOW_COUNT = 10_000;

const checkLeaves = (leaves: readonly Leaf<never, unknown>[]): void => {
  checkList('leaves', leaves, '1 to 1000 leaves');
  if (leaves.length < 1 || leaves.length > 1_000) throw refuse('leaves', '1 to 1000 leaves', leaves.length);
  const names = new Set<string>();
  for (const { name, replicas } of leaves) {
    checkText('leaves.name', name, 1, 256);
    if (names.has(name)) throw refuse('leaves.name', 'unlike all others', name);
    checkList(`leaves['${name}'].replicas`, replicas, '1 to 100 replicas');
    for (const replica of replicas) checkFunction(`leaves['${name}'].replicas`, replica);
    if (replicas.length < 1 || replicas.length > 100)
      throw refuse(`leaves['${name}'].replicas`, '1 to 100 replicas', replicas.length);
    names.add(name);
  }
};

const checkHedge = ({ minDelayMs, ...rest }: HedgeRule): LatencyQuantile => {
  checkNames(rest, ['quantile', 'sampleCount']);
  checkNumber('hedge.minDelayMs', minDelayMs, 0, MAX_MS);
  // At times half of the window is known: that has to be enough.
  return latencyQuantile({ ...rest, windowCount: Math.max(WINDOW_COUNT, 2 * rest.sampleCount) });
};

/** By its type a merge may give a promise; nobody would wait for it, nor hear of its failure. */
const refuseWaiting = (answer: PromiseLike<unknown>): Error => {
  answer.then(undefined, () => undefined);
  return refuse('merge', 'a function that waits for nothing', answer);
};

/** What is known of a leaf while its request runs. */
type State<Part> =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'answered'; readonly part: Part; readonly tookMs: number }
  | { readonly kind: 'failed'; readonly error: unknown };

const errorOf = (error: unknown): { readonly error?: unknown } => (error === undefined ? {} : { error });

/**
 * Asks every leaf for its part of the answer, and gives what has come when all have answered or the deadline is there,
 * whichever is first. Which leaves are missing, and why, is said by name; each leaf is among the answered or among the
 * missing, and parts of other requests never are in an answer.
 *
 * A leaf gets one call, and up to `retryCount` more: at once when a call fails, and when one is late. All extra calls
 * together stay within the budget: calls ≤ leaves × requests × (1 + its ratio) + what it had at the start. Leaves are told
 * by the signals of their attempts when nobody waits for them any more; what they do then is up to them.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @example
 * const search = scatterGather({
 *   leaves: shards.map((shard) => ({ name: shard.name, replicas: [(query, { signal }) => shard.search(query, signal)] })),
 *   merge: (parts) => mergeSorted(parts.map(({ part }) => part), byScore, 10),
 *   clock, deadlineMs: 500, quorum: 1, retryCount: 2,
 *   budget: retryBudget({ ratio: 0.055, burstCount: 100 }),
 *   hedge: { quantile: 0.95, minDelayMs: 5, sampleCount: 100 },
 * });
 * @see https://research.google/pubs/the-tail-at-scale/ (Dean, Barroso: hedged requests, good enough)
 */
export const scatterGather = <Request, Part, Answer>(
  options: ScatterGatherOptions<Request, Part, Answer>,
): ScatterGather<Request, Answer> => {
  checkNames(options, ['leaves', 'merge', 'clock', 'deadlineMs', 'quorum', 'retryCount', 'budget', 'hedge']);
  const { leaves, merge, clock, retryCount, budget, hedge } = options;
  checkParts({ clock });
  checkFunction('merge', merge);
  checkFunction('budget.tryTake', (budget as Partial<RetryBudget> | undefined)?.tryTake);
  checkLeaves(leaves);
  checkNumber('deadlineMs', options.deadlineMs, 1, MAX_MS);
  checkInteger('quorum', options.quorum, 1, leaves.length);
  checkInteger('retryCount', retryCount, 0, 9);
  const latencies = hedge === undefined ? undefined : checkHedge(hedge);
  const ringing = alarms(clock);
  let requestCount = 0;

  const hedgeAfterMs = (): number => {
    const lateMs = latencies?.valueMs();
    return lateMs === undefined ? Infinity : Math.max(lateMs, hedge?.minDelayMs ?? 0);
  };

  /** Resolves when every leaf has ended, or with the deadline. */
  const gather = (
    request: Request,
    dueAtMs: number,
    signal: AbortSignal | undefined,
  ): Promise<readonly [readonly State<Part>[], readonly LeafRun[]]> =>
    new Promise((resolve, reject) => {
      const states: State<Part>[] = leaves.map(() => ({ kind: 'waiting' }));
      const runs: LeafRun[] = [];
      const startedAtMs = clock.monotonicMs();
      let waitingCount = leaves.length;
      const stop = (reason: unknown): void => {
        ringing.takeOff(deadline);
        signal?.removeEventListener('abort', giveUp);
        for (const run of runs) run.end(reason);
      };
      const giveUp = (): void => {
        stop(signal?.reason);
        reject(signal?.reason as Error);
      };
      const deadline = alarmAt(dueAtMs, () => {
        stop(new TimeoutError(dueAtMs - startedAtMs));
        resolve([states, runs]);
      });
      const end = (at: number, state: State<Part>): void => {
        states[at] = state;
        waitingCount -= 1;
        if (waitingCount > 0) return;
        stop(undefined);
        resolve([states, runs]);
      };
      ringing.set(deadline);
      signal?.addEventListener('abort', giveUp, { once: true });
      const shared = {
        clock,
        alarms: ringing,
        retryCount,
        budget,
        hedgeAfterMs: hedgeAfterMs(),
        dueAtMs,
        firstReplica: requestCount,
        onLatency: (ms: number) => latencies?.observe(ms),
      };
      requestCount += 1;
      for (const [at, leaf] of leaves.entries()) {
        budget.offer();
        const onAnswer = (part: Part): void =>
          end(at, { kind: 'answered', part, tookMs: clock.monotonicMs() - startedAtMs });
        const onFailure = (error: unknown): void => end(at, { kind: 'failed', error });
        runs.push(leafRun(leaf, request, { ...shared, onAnswer, onFailure }));
      }
    });

  return async (request, how = {}) => {
    checkNames(how, ['deadlineMs', 'quorum', 'signal']);
    const { deadlineMs = options.deadlineMs, quorum = options.quorum, signal } = how;
    checkNumber('deadlineMs', deadlineMs, 0, options.deadlineMs);
    checkInteger('quorum', quorum, 1, leaves.length);
    signal?.throwIfAborted();
    const startedAtMs = clock.monotonicMs();
    const [states, runs] = await gather(request, startedAtMs + deadlineMs, signal);
    const parts: LeafPart<Part>[] = [];
    const missing: Missing[] = [];
    for (const [at, { name: leaf }] of leaves.entries()) {
      const state = states[at];
      if (state?.kind === 'answered') parts.push({ leaf, part: state.part, tookMs: state.tookMs });
      else if (state?.kind === 'failed') missing.push({ leaf, reason: 'failed', ...errorOf(state.error) });
      else missing.push({ leaf, reason: 'deadline', ...errorOf(runs[at]?.error) });
    }
    const gathering = {
      answered: parts.map(({ leaf }) => leaf),
      missing,
      hedgedCount: runs.reduce((sum, run) => sum + run.hedgedCount, 0),
      repeatedCount: runs.reduce((sum, run) => sum + run.repeatedCount, 0),
      tookMs: clock.monotonicMs() - startedAtMs,
    };
    if (parts.length < quorum) return { status: 'too-few', ...gathering };
    const answer = merge(parts, request);
    if (isThenable<unknown>(answer)) throw refuseWaiting(answer);
    return { status: missing.length === 0 ? 'complete' : 'partial', answer, ...gathering };
  };
};

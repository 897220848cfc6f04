import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';

/** What a sidecar gets of the place that it runs in. */
export interface SidecarContext {
  readonly clock: Clock;
  /** Names the sidecar in every entry. */
  readonly log: Log;
  /** Aborted when the sidecar is to stop: what it does in the background ends then, before its `stop` is called. */
  readonly signal: AbortSignal;
}

/** One call of the program, as far as the place knows it. */
export interface Invocation {
  /** The platform's id of the request; where it has none, a number that counts up. */
  readonly id: string;
  /** What the program was called with, not a copy: look, do not touch. Absent where the place does not see it. */
  readonly event?: unknown;
  /** How long the program may still take. `Infinity` where nobody said. */
  readonly remainingMs: () => number;
}

/** How a call of the program ended. `answer` is the program's own object: look, do not touch. */
export type Outcome =
  | { readonly status: 'succeeded'; readonly answer: unknown; readonly tookMs: number }
  | { readonly status: 'failed'; readonly error: unknown; readonly tookMs: number };

/**
 * A companion of a program that does not know of it. The same object runs in the function's process
 * (`withSidecar`), as a process of its own (`npx distributed-patterns sidecar NAME`) and as a Lambda external
 * extension (`lambdaExtension`); each place calls what it has an occasion for, in this order: `start` once, then `before`
 * and `after` for each call, then `stop` once. A hook that is missing has nothing to do.
 *
 * Whoever runs it bounds each hook in time; a hook that is late is told by its signal, and not waited for. A hook may
 * be called again while it still runs for another call.
 *
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3
 */
export interface Sidecar {
  /** 1..64 characters of a-z, 0-9 and `-`; unique among those of one program. */
  readonly name: string;
  /**
   * Resolves when the sidecar does its work (listens, has the first configuration). One that rejects must have
   * released what it took: `stop` is not called then. The context's `signal` is aborted when it is late; a late start
   * that succeeds after all is followed by `stop`. One that failed or was late is called again later, also after that
   * `stop`, but never while it still runs.
   */
  start?(context: SidecarContext): Promise<void>;
  /** Before the program is called. It has nothing to give to the program: what it prepares lies where the program looks. */
  before?(invocation: Invocation, signal: AbortSignal): Promise<void> | void;
  /** After the program has answered, and after the answer was handed on. In the function's process only. */
  after?(invocation: Invocation, outcome: Outcome, signal: AbortSignal): Promise<void> | void;
  /** Finishes what was begun and releases everything. When `signal` is aborted it is out of time: release at once. */
  stop?(signal: AbortSignal): Promise<void>;
  /** Its state, small and without secrets. One that listens says where: `{ "address": "http://127.0.0.1:9100" }`. */
  report?(): Json;
}

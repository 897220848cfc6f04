import type { BatchAnswer } from '#event-sources/batch-answer';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import { errorText } from './error-text.ts';
import { startProcess, type Process } from './processes.ts';

/** What Lambda tells a function of its invocation, by Lambda's names. */
export interface InvocationContext {
  readonly functionName: string;
  readonly awsRequestId: string;
  getRemainingTimeInMillis(): number;
}

/** A function as Lambda calls it: JSON in, JSON out. */
export type Handler<Event = never> = (event: Event, context: InvocationContext) => unknown;

export interface FunctionOptions {
  readonly name: string;
  /** A cold start: makes the handler, with its memory. Runs as the invocation that needed it. */
  readonly boot: () => Handler;
  /** 1..900_000. An invocation that takes longer is ended like one that crashed. Default 30_000. */
  readonly timeoutMs?: number;
  /** Of the host, not of the function: it can be killed, and so cannot decide when its time is over. */
  readonly clock: Clock;
}

export interface SimulatedFunction {
  readonly name: string;
  /** Runs the function. Never rejects: an error, a crash and a timeout are failures, as an event source sees them. */
  invoke(payload: string): Promise<BatchAnswer>;
  /** How many invocations run now. */
  runningCount(): number;
  /** How many invocations failed by an error that no fault gave them, and the last of these. */
  failures(): { readonly count: number; readonly last: unknown };
}

const MAX_TIMEOUT_MS = 900_000;

/** What primitives give when a call fails for now: faults do, and a handler need not catch it. */
const isPassing = (error: unknown): boolean => error instanceof PatternError && error.retryable;

interface Environment {
  readonly process: Process;
  readonly handler: Handler;
}

/**
 * A function host as Lambda's: every environment runs one invocation at a time and keeps its memory for the next; a
 * crash or a timeout ends the environment with all that it knew, and nothing that it had begun goes on. A call that was
 * on its way then (by a fault `delay` or `late`) still arrives.
 */
export const simulatedFunction = (options: FunctionOptions): SimulatedFunction => {
  checkNames(options, ['name', 'boot', 'timeoutMs', 'clock']);
  const { name, boot, timeoutMs = 30_000, clock } = options;
  checkInteger('timeoutMs', timeoutMs, 1, MAX_TIMEOUT_MS);
  const idle: Environment[] = [];
  let startedCount = 0;
  let runningCount = 0;
  let failures: ReturnType<SimulatedFunction['failures']> = { count: 0, last: undefined };

  /** Whoever was killed after its answer, by a call that it had not awaited, is gone as well. */
  const warm = (): Handler | undefined => {
    for (let found = idle.pop(); found !== undefined; found = idle.pop())
      if (found.process.isAlive) return found.handler;
    return undefined;
  };

  const invoke: SimulatedFunction['invoke'] = async (payload) => {
    startedCount += 1;
    runningCount += 1;
    const endsAtMs = clock.monotonicMs() + timeoutMs;
    const context: InvocationContext = Object.freeze({
      functionName: name,
      awsRequestId: `${name}-${startedCount}`,
      getRemainingTimeInMillis: () => Math.max(0, endsAtMs - clock.monotonicMs()),
    });
    const process = startProcess(context.awsRequestId);
    const ended = new AbortController();
    void clock.sleep(timeoutMs, ended.signal).then(
      () => process.kill('Sandbox.Timedout'),
      () => undefined,
    );
    let handler = warm();
    const ending = await process.run(async () => {
      handler ??= boot();
      return JSON.stringify((await handler(JSON.parse(payload) as never, context)) ?? null);
    });
    ended.abort(name);
    runningCount -= 1;
    if (ending.status === 'killed') return { status: 'failed', errorType: ending.reason, message: 'killed' };
    if (handler !== undefined) idle.push({ process, handler });
    if (ending.status === 'ended') return { status: 'answered', payload: ending.value };
    if (!isPassing(ending.error)) failures = { count: failures.count + 1, last: ending.error };
    return { status: 'failed', errorType: 'Unhandled', message: errorText(ending.error) };
  };

  return Object.freeze<SimulatedFunction>({ name, invoke, runningCount: () => runningCount, failures: () => failures });
};

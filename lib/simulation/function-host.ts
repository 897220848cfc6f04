import type { BatchAnswer } from '#event-sources/batch-answer';
import { checkInteger } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { startProcess } from './processes.ts';

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
}

const MAX_TIMEOUT_MS = 900_000;

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * A function host as Lambda's: every environment runs one invocation at a time and keeps its memory for the next; a
 * crash or a timeout ends the environment with all that it knew, and nothing that it had begun has effect any more.
 */
export const simulatedFunction = (options: FunctionOptions): SimulatedFunction => {
  const { name, boot, timeoutMs = 30_000, clock } = options;
  checkInteger('timeoutMs', timeoutMs, 1, MAX_TIMEOUT_MS);
  const idle: Handler[] = [];
  let startedCount = 0;
  let runningCount = 0;

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
    let handler = idle.pop();
    const ending = await process.run(async () => {
      handler ??= boot();
      return JSON.stringify((await handler(JSON.parse(payload) as never, context)) ?? null);
    });
    ended.abort(name);
    runningCount -= 1;
    if (ending.status === 'killed') return { status: 'failed', errorType: ending.reason, message: 'killed' };
    if (handler !== undefined) idle.push(handler);
    if (ending.status === 'ended') return { status: 'answered', payload: ending.value };
    return { status: 'failed', errorType: 'Unhandled', message: textOf(ending.error) };
  };

  return Object.freeze<SimulatedFunction>({ name, invoke, runningCount: () => runningCount });
};

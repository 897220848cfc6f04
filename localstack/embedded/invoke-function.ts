import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { pause } from './apply-fault.ts';
import { patientCaller, type Caller } from './call.ts';
import { EVERYWHERE, type Fault, type FaultInjector } from './faults.ts';
import type { FunctionRegistry, RegisteredFunction } from './function-registry.ts';
import { MAX_CONCURRENT } from './function-concurrency.ts';
import { readBody } from './request-body.ts';

/** How an invocation ended. `payload` is JSON text. */
export type FunctionOutcome =
  | { readonly status: 'answered'; readonly payload: string }
  /** It threw, timed out, or its host died: what it did before is unknown. `payload` is what AWS would answer. */
  | { readonly status: 'failed'; readonly errorType: string; readonly message: string; readonly payload: string }
  | { readonly status: 'throttled'; readonly reason: ThrottleReason }
  /** No function host is up: it was not started. */
  | { readonly status: 'unavailable' }
  | { readonly status: 'unknown' };

export type ThrottleReason = 'ReservedFunctionConcurrentInvocationLimitExceeded' | 'ConcurrentInvocationLimitExceeded';

/** Invokes a function by name or ARN and waits for its end. Never rejects. `requestId` names it where it is spoken of. */
export type FunctionInvoker = (
  name: string,
  payload: string,
  caller?: Caller,
  requestId?: string,
) => Promise<FunctionOutcome>;

export interface FunctionInvokerOptions {
  readonly functions: FunctionRegistry;
  readonly functionHost: () => { readonly lambdaUrl: string } | undefined;
  readonly faults: FaultInjector;
  /** Ends the function host at once, as a crash would. Without it the fault `crash` fails the invocation only. */
  readonly crashHost?: (() => void) | undefined;
}

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB, response) */
const MAX_ANSWER_BYTES = 6_291_556;
/** The host ends an invocation at its timeout by itself; if it does not, we do, so much later. */
const TIMEOUT_SLACK_MS = 10_000;
/** How long a function runs before the fault `crash` ends its host: in the midst of its work. */
export const CRASH_AFTER_MS = 5;
/** What serverless-offline says when a function ran into its timeout. */
const HOST_TIMEOUT = /^\[504\] - Lambda timeout/;

const failed = (errorType: string, message: string, trace?: unknown): FunctionOutcome => ({
  status: 'failed',
  errorType,
  message,
  payload: JSON.stringify({ errorType, errorMessage: message, ...(trace === undefined ? {} : { trace }) }),
});

/** A function and one invocation of it. */
interface Invoked extends RegisteredFunction {
  readonly requestId: string;
}

const timedOut = ({ requestId, timeoutS }: Invoked): FunctionOutcome =>
  failed('Sandbox.Timedout', `RequestId: ${requestId} Error: Task timed out after ${timeoutS.toFixed(2)} seconds`);
const exited = ({ requestId }: Invoked): FunctionOutcome =>
  failed('Runtime.ExitError', `RequestId: ${requestId} Error: Runtime exited without providing a reason`);

/** serverless-offline calls every error `Error`; its trace begins with the real name. */
const failureOf = (called: Invoked, body: string): FunctionOutcome => {
  const { errorMessage, trace } = JSON.parse(body) as { errorMessage?: unknown; trace?: unknown };
  const message = typeof errorMessage === 'string' ? errorMessage : '';
  if (HOST_TIMEOUT.test(message)) return timedOut(called);
  const first: unknown = Array.isArray(trace) ? trace[0] : undefined;
  const named = typeof first === 'string' ? /^([\w.]+): /.exec(first)?.[1] : undefined;
  return failed(named ?? 'Error', message, trace);
};

/** serverless-offline puts quotes around a string without escaping it, and answers nothing for null and undefined. */
const payloadOf = (body: string, isJson: boolean): string => {
  if (body === '') return 'null';
  return isJson || !body.startsWith('"') ? body : JSON.stringify(body.slice(1, -1));
};

interface HostAnswer {
  readonly status: number;
  readonly failed: boolean;
  readonly isJson: boolean;
  readonly body: Buffer | undefined;
}

class HostError extends Error {
  readonly kind: 'refused' | 'ended' | 'late';
  constructor(kind: HostError['kind'], cause?: unknown) {
    super(`The function host: ${kind}`, { cause });
    this.kind = kind;
  }
}

const post = (agent: Agent, url: URL, payload: string, timeoutMs: number): Promise<HostAnswer> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
    const outgoing = httpRequest(url, { agent, method: 'POST', headers }, (incoming) => {
      const { statusCode = 502, headers: answered } = incoming;
      readBody(incoming, MAX_ANSWER_BYTES).then(
        (body) =>
          resolve({
            status: statusCode,
            failed: answered['x-amz-function-error'] !== undefined,
            isJson: answered['content-type']?.includes('json') === true,
            body,
          }),
        (cause: unknown) => reject(new HostError('ended', cause)),
      );
    });
    const timer = setTimeout(() => outgoing.destroy(new HostError('late')), timeoutMs);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause instanceof HostError) reject(cause);
      else reject(new HostError(cause.code === 'ECONNREFUSED' ? 'refused' : 'ended', cause));
    });
    outgoing.end(payload);
  });

/** Invokes the functions of the function host as Lambda would: limits, shapes of errors, faults. */
export const functionInvoker = (options: FunctionInvokerOptions): FunctionInvoker & { readonly close: () => void } => {
  // Node gives a kept connection up before the host does (`keep-alive: timeout=5`), so that none breaks as it is used.
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_CONCURRENT });
  const running = new Map<string, number>();
  let runningCount = 0;

  const callHost = async (called: Invoked, payload: string): Promise<FunctionOutcome> => {
    const host = options.functionHost();
    if (host === undefined) return { status: 'unavailable' };
    const url = new URL(`/2015-03-31/functions/${called.name}/invocations`, host.lambdaUrl);
    try {
      const answer = await post(agent, url, payload, called.timeoutS * 1_000 + TIMEOUT_SLACK_MS);
      if (answer.body === undefined)
        return failed(
          'Function.ResponseSizeTooLarge',
          `Response payload size exceeded maximum allowed payload size (${MAX_ANSWER_BYTES} bytes).`,
        );
      if (answer.status === 404) return { status: 'unknown' };
      const body = answer.body.toString();
      if (answer.failed) return failureOf(called, body);
      if (answer.status !== 200) return failed('Runtime.ExitError', `The function host answered ${answer.status}.`);
      return { status: 'answered', payload: payloadOf(body, answer.isJson) };
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      if (error.kind === 'late') return timedOut(called);
      if (error.kind === 'refused') return { status: 'unavailable' };
      return exited(called);
    }
  };

  const withFault = async (
    called: Invoked,
    payload: string,
    fault: Fault,
    caller: Caller,
  ): Promise<FunctionOutcome> => {
    switch (fault.kind) {
      case 'hang':
        await pause(Math.min(fault.ms ?? Infinity, called.timeoutS * 1_000), caller);
        return timedOut(called);
      case 'delay':
        await pause(fault.ms ?? 0, patientCaller);
        return callHost(called, payload);
      case 'crash': {
        const doomed = callHost(called, payload);
        await pause(fault.ms ?? CRASH_AFTER_MS, patientCaller);
        options.crashHost?.();
        await doomed;
        return failed('Runtime.ExitError', 'Fault switch: crash');
      }
      case 'lose-answer':
        await callHost(called, payload);
        return failed('Runtime.ExitError', 'Fault switch: lose-answer');
      case 'duplicate':
        await callHost(called, payload);
        return callHost(called, payload);
      default:
        return failed('Error', `Fault switch: ${fault.kind}`);
    }
  };

  const throttled = (called: RegisteredFunction): ThrottleReason | undefined => {
    if (called.reservedConcurrency !== undefined && (running.get(called.name) ?? 0) >= called.reservedConcurrency)
      return 'ReservedFunctionConcurrentInvocationLimitExceeded';
    return runningCount >= MAX_CONCURRENT ? 'ConcurrentInvocationLimitExceeded' : undefined;
  };

  const invoke: FunctionInvoker = async (reference, payload, caller = patientCaller, requestId = randomUUID()) => {
    const found = options.functions.get(reference);
    if (found === undefined) return { status: 'unknown' };
    const called: Invoked = { ...found, requestId };
    const reason = throttled(called);
    if (reason !== undefined) return { status: 'throttled', reason };
    running.set(called.name, (running.get(called.name) ?? 0) + 1);
    runningCount += 1;
    try {
      const fault = options.faults.active ? options.faults.decide([`function/${called.name}`], EVERYWHERE) : undefined;
      return await (fault === undefined ? callHost(called, payload) : withFault(called, payload, fault, caller));
    } finally {
      runningCount -= 1;
      const left = (running.get(called.name) ?? 1) - 1;
      if (left === 0) running.delete(called.name);
      else running.set(called.name, left);
    }
  };
  return Object.assign(invoke, { close: () => agent.destroy() });
};

import { randomUUID } from 'node:crypto';
import { errorAnswer, jsonAnswer, serverFault } from './answers.ts';
import type { AsyncInvocations } from './async-invocations.ts';
import { jsonOf, type Answer, type Call, type Outcome } from './call.ts';
import { MAX_CONCURRENT } from './function-concurrency.ts';
import { functionNameIn, type FunctionRegistry, type RegisteredFunction } from './function-registry.ts';
import type { FunctionInvoker, FunctionOutcome } from './invoke-function.ts';
import { refusedAnswer, type FunctionRoute } from './lambda-refusal.ts';
import { logTail } from './log-tail.ts';
import { Refused } from './refusal.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB synchronous, 1 MB asynchronous) */
const MAX_PAYLOAD_BYTES = 6_291_456;
const MAX_EVENT_BYTES = 1_048_576;
const MAX_PAGE = 50;
const LATEST = '$LATEST';
/** Each operation has a date of its own; nothing is told apart by it. */
const ROUTE = /^\/\d{4}-\d{2}-\d{2}\/functions(?:\/([^/]+)(?:\/(.+?))?)?\/?$/;
const ACCOUNT_SETTINGS = /^\/\d{4}-\d{2}-\d{2}\/account-settings\/?$/;
/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const CODE_LIMITS = { TotalCodeSize: 80_530_636_800, CodeSizeUnzipped: 262_144_000, CodeSizeZipped: 52_428_800 };

export interface LambdaApiOptions {
  readonly functions: FunctionRegistry;
  readonly invoke: FunctionInvoker;
  readonly events: AsyncInvocations;
  /** What else there is of a function. */
  readonly routes: readonly FunctionRoute[];
  readonly region: string;
  readonly accountId: string;
}

const notFound = (arn: string): Answer =>
  errorAnswer('lambda', { status: 404, code: 'ResourceNotFoundException', message: `Function not found: ${arn}` });
const invalid = (message: string): Answer =>
  errorAnswer('lambda', { status: 400, code: 'InvalidParameterValueException', message });
const throttled = (reason: string): Answer =>
  errorAnswer('lambda', {
    status: 429,
    code: 'TooManyRequestsException',
    message: 'Rate Exceeded.',
    members: { Reason: reason },
  });
const tooLarge = (limit: number): Answer =>
  errorAnswer('lambda', {
    status: 413,
    code: 'RequestTooLargeException',
    message: `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
  });

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/**
 * Lambda's API as far as the stack needs it: Invoke (RequestResponse, Event, DryRun; the log tail), GetFunction,
 * GetFunctionConfiguration, ListFunctions, GetAccountSettings, and the `routes`. There is one version of each function,
 * `$LATEST`. Bad input is answered as AWS answers it.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export const lambdaApi = (options: LambdaApiOptions): ((call: Call) => Promise<Outcome>) => {
  const { functions } = options;
  const arnOf = (name: string): string => `arn:aws:lambda:${options.region}:${options.accountId}:function:${name}`;

  const described = (each: RegisteredFunction): Readonly<Record<string, unknown>> => ({
    FunctionName: each.name,
    FunctionArn: arnOf(each.name),
    Runtime: 'nodejs24.x',
    Handler: each.key,
    Timeout: each.timeoutS,
    MemorySize: each.memoryMb,
    Version: '$LATEST',
    PackageType: 'Zip',
    State: 'Active',
    LastUpdateStatus: 'Successful',
    Environment: { Variables: each.environment },
  });

  const answerOf = (name: string, outcome: FunctionOutcome): Answer => {
    switch (outcome.status) {
      case 'unknown':
        return notFound(arnOf(name));
      case 'throttled':
        return throttled(outcome.reason);
      case 'unavailable':
        return serverFault('lambda', 'No function host is up.');
      default: {
        const error = outcome.status === 'failed' ? { 'x-amz-function-error': 'Unhandled' } : {};
        const headers = { 'content-type': 'application/json', 'x-amz-executed-version': '$LATEST', ...error };
        return { status: 200, headers, body: outcome.payload };
      }
    }
  };

  const withLogTail = (answer: Answer, invocation: Parameters<typeof logTail>[0]): Answer =>
    answer.status === 200
      ? { ...answer, headers: { ...answer.headers, 'x-amz-log-result': logTail(invocation) } }
      : answer;

  const invokeAndWait = async (call: Call, called: RegisteredFunction, payload: string): Promise<Answer> => {
    const requestId = randomUUID();
    const startedMs = performance.now();
    const outcome = await options.invoke(called.name, payload, call.caller, requestId);
    const answer = answerOf(called.name, outcome);
    const named = { ...answer, headers: { ...answer.headers, 'x-amzn-requestid': requestId } };
    if (call.headers['x-amz-log-type'] !== 'Tail') return named;
    const failure = outcome.status === 'failed' ? { failure: outcome.message } : {};
    const durationMs = performance.now() - startedMs;
    return withLogTail(named, { requestId, durationMs, memoryMb: called.memoryMb, ...failure });
  };

  const invoke = async (call: Call, called: RegisteredFunction): Promise<Answer> => {
    const type = call.headers['x-amz-invocation-type'] ?? 'RequestResponse';
    if (type === 'DryRun') return { status: 204, headers: {}, body: '' };
    if (type !== 'RequestResponse' && type !== 'Event')
      return invalid(`Expected the invocation type to be RequestResponse, Event or DryRun, got '${String(type)}'.`);
    const limit = type === 'Event' ? MAX_EVENT_BYTES : MAX_PAYLOAD_BYTES;
    if (call.body.length > limit) return tooLarge(limit);
    if (jsonOf(call.body) === undefined)
      return errorAnswer('lambda', {
        status: 400,
        code: 'InvalidRequestContentException',
        message: 'Could not parse request body into json.',
      });
    const payload = call.body.length === 0 ? '{}' : call.body.toString();
    if (type === 'RequestResponse') return invokeAndWait(call, called, payload);
    const requestId = randomUUID();
    if (options.events.accept(called.name, payload, requestId))
      return { status: 202, headers: { 'x-amzn-requestid': requestId }, body: '' };
    return throttled('ConcurrentInvocationLimitExceeded');
  };

  const list = (call: Call): Answer => {
    const query = new URLSearchParams(call.url.split('?')[1] ?? '');
    const limit = Number(query.get('MaxItems') ?? MAX_PAGE);
    const start = Number(query.get('Marker') ?? 0);
    if (!Number.isInteger(limit) || limit < 1 || !Number.isInteger(start) || start < 0)
      return invalid('Expected MaxItems to be an integer from 1, and Marker to be one that was given out.');
    const all = functions.list();
    const end = start + Math.min(limit, MAX_PAGE);
    const next = end < all.length ? { NextMarker: String(end) } : {};
    return jsonAnswer('lambda', 200, { Functions: all.slice(start, end).map(described), ...next });
  };

  const get = (called: RegisteredFunction): Answer => {
    const { reservedConcurrency } = called;
    const concurrency =
      reservedConcurrency === undefined ? {} : { Concurrency: { ReservedConcurrentExecutions: reservedConcurrency } };
    return jsonAnswer('lambda', 200, { Configuration: described(called), Code: {}, ...concurrency });
  };

  const accountSettings = (): Answer => {
    const all = functions.list();
    const reserved = all.reduce((sum, { reservedConcurrency = 0 }) => sum + reservedConcurrency, 0);
    return jsonAnswer('lambda', 200, {
      AccountLimit: {
        ...CODE_LIMITS,
        ConcurrentExecutions: MAX_CONCURRENT,
        UnreservedConcurrentExecutions: MAX_CONCURRENT - reserved,
      },
      AccountUsage: { FunctionCount: all.length, TotalCodeSize: 0 },
    });
  };

  const ofFunction = async (call: Call, action: string | undefined, called: RegisteredFunction): Promise<Answer> => {
    if (action === 'invocations' && call.method === 'POST') return invoke(call, called);
    if (action === 'configuration' && call.method === 'GET') return jsonAnswer('lambda', 200, described(called));
    if (action === undefined && call.method === 'GET') return get(called);
    for (const route of options.routes) {
      const answer = route(action ?? '', call, called);
      if (answer !== undefined) return answer;
    }
    return errorAnswer('lambda', {
      status: 405,
      code: 'UnknownOperationException',
      message: `No ${call.method} ${action ?? ''} here.`,
    });
  };

  return async (call) => {
    const [path = '', query = ''] = call.url.split('?', 2);
    if (ACCOUNT_SETTINGS.test(path) && call.method === 'GET') return accountSettings();
    const [matched, given, action] = ROUTE.exec(path) ?? [];
    if (matched === undefined)
      return errorAnswer('lambda', { status: 404, code: 'UnknownOperationException', message: 'Unknown path.' });
    if (given === undefined) return list(call);
    const reference = decoded(given);
    const name = reference === undefined ? undefined : functionNameIn(reference);
    if (reference === undefined || name === undefined)
      return errorAnswer('lambda', {
        status: 400,
        code: 'ValidationException',
        message: "Expected the function's name, partial ARN or ARN.",
      });
    const called = functions.get(reference);
    const qualifier = new URLSearchParams(query).get('Qualifier') ?? LATEST;
    if (called === undefined || qualifier !== LATEST)
      return notFound(`${arnOf(name)}${qualifier === LATEST ? '' : `:${qualifier}`}`);
    try {
      return await ofFunction(call, action, called);
    } catch (error) {
      if (error instanceof Refused) return refusedAnswer(error);
      throw error;
    }
  };
};

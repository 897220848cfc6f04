import { errorAnswer, jsonAnswer, serverFault } from './answers.ts';
import type { AsyncInvocations } from './async-invocations.ts';
import { jsonOf, type Answer, type Call, type Outcome } from './call.ts';
import { functionNameIn, type FunctionRegistry, type RegisteredFunction } from './function-registry.ts';
import type { FunctionInvoker, FunctionOutcome } from './invoke-function.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (6 MB synchronous, 1 MB asynchronous) */
const MAX_PAYLOAD_BYTES = 6_291_456;
const MAX_EVENT_BYTES = 1_048_576;
const MAX_PAGE = 50;
const ROUTE = /^\/2015-03-31\/functions(?:\/([^/]+)(?:\/(invocations|configuration))?)?\/?$/;

export interface LambdaApiOptions {
  readonly functions: FunctionRegistry;
  readonly invoke: FunctionInvoker;
  readonly events: AsyncInvocations;
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
 * Lambda's API as far as the stack needs it: Invoke (RequestResponse, Event, DryRun), GetFunction,
 * GetFunctionConfiguration, ListFunctions. Bad input is answered as AWS answers it.
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
    if (type === 'RequestResponse')
      return answerOf(called.name, await options.invoke(called.name, payload, call.caller));
    if (options.events.accept(called.name, payload)) return { status: 202, headers: {}, body: '' };
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

  return async (call) => {
    const [matched, given, action] = ROUTE.exec(call.url.split('?', 1)[0] ?? '') ?? [];
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
    if (called === undefined) return notFound(arnOf(name));
    if (action === 'invocations' && call.method === 'POST') return invoke(call, called);
    if (action === 'configuration' && call.method === 'GET') return jsonAnswer('lambda', 200, described(called));
    if (action === undefined && call.method === 'GET') return get(called);
    return errorAnswer('lambda', {
      status: 405,
      code: 'UnknownOperationException',
      message: `No ${call.method} here.`,
    });
  };
};

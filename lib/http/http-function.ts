import type { Clock } from '#primitives/clock';
import { InvalidArgumentError, isRetryable } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { continueTrace, formatTraceparent, TRACEPARENT, type Trace } from '#primitives/trace';
import type { Idempotency } from '#resilience/idempotency';
import type { Admins } from './admin.ts';
import { answerOnce, keyScopeOf } from './answer-once.ts';
import { takesKey, type Api } from './api.ts';
import { budgetMs, DeadlineError, withinDeadline } from './deadline.ts';
import type { HttpContext, HttpEvent, HttpResult } from './event.ts';
import { isProblem, problem, type Answer, type Handlers, type Problem } from './handlers.ts';
import { rawResult } from './raw-proxy.ts';
import { isRaw, type RawAnswer } from './raw.ts';
import { render, toResult, type Rendered } from './rendering.ts';
import { readHeaders, type RequestHeaders } from './request-head.ts';
import { isValid, readRequest, type ValidRequest } from './request.ts';
import { router, type Match } from './routing.ts';

/** What the shell needs of the outside. Without admins, admin routes answer 403. */
export interface HttpServices extends Admins {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  /** Needed where a route is `idempotent`. */
  readonly idempotency?: Idempotency;
}

export interface HttpFunctionOptions<A extends Api> {
  readonly api: A;
  /** Called once, at the first request that gets as far as a handler. */
  readonly handlers: () => Handlers<A>;
  /** Called once, at the first request. */
  readonly services: () => HttpServices;
}

export type HttpFunction = (event: HttpEvent, context: HttpContext) => Promise<HttpResult>;

type AnyHandler = (request: never) => Promise<Answer | Problem | RawAnswer>;
type AnyHandlers = Readonly<Record<string, AnyHandler | undefined>>;

interface Call {
  readonly services: HttpServices;
  readonly handlers: () => AnyHandlers;
  readonly trace: Trace;
  readonly log: Log;
  readonly context: HttpContext;
}

const checkServices = (api: Api, services: HttpServices): HttpServices => {
  const needy = Object.keys(api.routes).find((name) => api.routes[name]?.idempotent === true);
  if (needy !== undefined && services.idempotency === undefined) {
    throw new InvalidArgumentError(`Expected 'services' to have idempotency (for the route ${needy}), got none.`);
  }
  return services;
};

interface Asked {
  readonly method: string;
  /** True when asking again under the same key finds what this request did. */
  readonly isKeyed: boolean;
}

const asked = (method: string, match: Match, headers: RequestHeaders): Asked => {
  const isTaken = match.kind === 'route' && takesKey(match.route);
  return { method, isKeyed: isTaken && headers['idempotency-key'] !== undefined };
};

/**
 * For what a primitive did not answer. What the handler had written before that is unknown here, so of a request that
 * changes something it is never said that nothing was done.
 */
const unavailable = ({ method, isKeyed }: Asked): Problem => {
  if (method === 'GET' || method === 'HEAD') return problem(503, { detail: 'Unavailable for now; ask again.' });
  const again = isKeyed ? ' Ask again with the same idempotency-key.' : '';
  return problem(503, {
    detail: `Unavailable for now; what was asked for may have been done, or a part of it.${again}`,
  });
};

/** What an error of our own looks like from outside: nothing of the insides, and whether it helps to come again. */
const failure = (error: unknown, { log, trace }: Call, what: Asked): Problem => {
  if (error instanceof DeadlineError) {
    log.warn('The request was not answered in time', { error });
    return problem(504, { detail: 'There was no answer in time; what was asked for may have been done.' });
  }
  if (isRetryable(error)) {
    log.warn('A primitive did not answer', { error });
    return unavailable(what);
  }
  log.error('The request failed', { error });
  return problem(500, { detail: `The request failed through no fault of yours (trace ${trace.traceId}).` });
};

const runHandler = async (call: Call, valid: ValidRequest): Promise<Rendered | RawAnswer> => {
  const { name, route, input, headers, address, raw, key, scope } = valid;
  const { services, context, log, trace } = call;
  const handler = call.handlers()[name];
  if (handler === undefined) throw new InvalidArgumentError(`Expected 'handlers' to have ${name}, got none.`);
  const remainingMs = budgetMs(context.getRemainingTimeInMillis());
  const traceparent = formatTraceparent(trace);
  const ask = (signal: AbortSignal, operationId: string) => {
    const keyScope = route.idempotent === 'by-handler' ? keyScopeOf(scope) : '';
    const about = { headers, address, log, traceparent, signal, operationId, keyScope, remainingMs };
    const request = { ...input.valid, raw, ...about };
    // The schemas of the route have made it what the handler's type says.
    return handler(request as never);
  };
  const work = (signal: AbortSignal) => async (operationId: string) => {
    const answer = await ask(signal, operationId);
    if (isRaw(answer)) throw new InvalidArgumentError(`Expected the answer of ${name} to be no raw one.`);
    return render(answer, route.contentType);
  };
  const { idempotency, clock, random } = services;
  return withinDeadline(clock, remainingMs, async (signal) => {
    if (route.idempotent === true && idempotency !== undefined && key !== undefined)
      return answerOnce(
        idempotency,
        { scope, key, request: input.given, remainingMs: context.getRemainingTimeInMillis() },
        work(signal),
      );
    if (route.raw !== true) return work(signal)(random.uuid());
    const answer = await ask(signal, random.uuid());
    return isRaw(answer) ? answer : render(answer, route.contentType);
  });
};

/**
 * The function of one pattern: routes, validates, calls the handler, and writes the answer out. Whatever a client
 * sends is answered with what the routes declare or with a problem (RFC 9457), never with a 500; a handler that throws
 * is answered with 503 (a primitive was unavailable), 504 (out of time) or 500, and logged with the trace id.
 *
 * @example
 * export const handler = httpFunction({ api: jobsApi, handlers: () => jobHandlers(queue()), services });
 */
export function httpFunction<const A extends Api>(options: HttpFunctionOptions<A>): HttpFunction;
export function httpFunction(options: HttpFunctionOptions<Api>): HttpFunction {
  const { api } = options;
  const match = router(api);
  let services: HttpServices | undefined;
  let handlers: AnyHandlers | undefined;

  return async (event, context) => {
    services ??= checkServices(api, options.services());
    const { log: ownLog, clock, random } = services;
    const startedMs = clock.monotonicMs();
    const head = readHeaders(event);
    const headers = isProblem(head) ? {} : head.headers;
    const trace = continueTrace(headers[TRACEPARENT], random);
    const log = ownLog.child({ traceId: trace.traceId });
    const call: Call = { services, handlers: () => (handlers ??= options.handlers()), trace, log, context };
    const found = match(event.httpMethod, event.path);
    let rendered: Rendered | RawAnswer;
    try {
      const request = readRequest({
        event,
        head,
        match: found,
        pattern: api.pattern,
        admins: services,
      });
      rendered = isValid(request) ? await runHandler(call, request) : render(request);
    } catch (error) {
      rendered = render(failure(error, call, asked(event.httpMethod, found, headers)));
    }
    log.info('request', {
      method: event.httpMethod,
      ...(found.kind === 'route' ? { route: `${api.pattern}.${found.name}` } : {}),
      status: rendered.status,
      tookMs: Math.round(clock.monotonicMs() - startedMs),
    });
    const more = { [TRACEPARENT]: formatTraceparent(trace) };
    const isHead = event.httpMethod === 'HEAD';
    return isRaw(rendered) ? rawResult(rendered, more, isHead) : toResult(rendered, more, isHead);
  };
}

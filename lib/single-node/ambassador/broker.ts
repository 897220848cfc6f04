import { checkInteger, checkNames, checkNumber } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import {
  fleetCircuitBreaker,
  hedge,
  policy,
  retryBudget,
  type Attempt,
  type Backoff,
  type BreakerView,
  type CircuitBreaker,
  type RetryBudget,
  type RetryRules,
  type Run,
  type TripRule,
} from '#resilience/index';
import { deadlineOf, headersFor, isGoingRound, isIdempotent, pathAt } from './forwarding.ts';
import { isNoFailure, isPassing, isServiceFailure, outcomeOf, retryAfterMs, type BrokerOutcome } from './outcome.ts';
import { withinOwnDeadline } from './own-deadline.ts';
import type { Registry } from './registry.ts';
import type { Service, ServiceAnswer, ServiceRequest, Transport } from './types.ts';

export interface BrokerOptions {
  readonly registry: Registry;
  readonly transport: Transport;
  /** Where all hosts share the state of the breakers. */
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of what may be sent twice, while the budget lasts. */
  readonly retry: {
    /** Attempts in all. 1..10. */
    readonly attemptCount: number;
    readonly backoff: Backoff;
    /** Extra calls for each call that was offered, in the long run. 0..1. */
    readonly ratio: number;
    /** Extra calls that are saved up. 1..1_000_000. */
    readonly burstCount: number;
  };
  readonly breaker: TripRule & {
    /** From one probe in the fleet to the next. 100..3_600_000 ms. */
    readonly openMs: number;
    /** How often a host reads the shared state. 100..3_600_000 ms; default: only when it has to know. */
    readonly refreshMs?: number;
  };
  /** Sends what may be sent twice, and is late, once more. Default: no. */
  readonly hedge?: {
    /** How long an attempt has before the second one is sent. 1..28_000 ms. */
    readonly delayMs: number;
    /** Extra calls for each that was offered. 0..1. */
    readonly ratio: number;
  };
}

/**
 * Sends requests to services by their names: where they are, whether they are well, and what to do when they are not is
 * the broker's business, not the client's.
 *
 * - A service gets at most `offered × (1 + retry.ratio + hedge.ratio)` calls, with what is saved up.
 * - What may not be sent twice (POST, PATCH and the like without `idempotency-key`) is sent once: it is tried again only
 *   when no connection was made.
 * - A service that fails is left alone: its breaker is shared by all hosts. One probe goes out at a time in the whole
 *   fleet, and it asks the service's health path first, so that no client's request has to find out.
 * - The service is told how long its answer is waited for, and by whom it is called.
 */
export interface Broker {
  /**
   * @param how `deadlineMs`: how long the client is waited for at most; what the request says itself makes it shorter.
   *   An abort of `signal` ends the connection, and rejects with its reason.
   */
  send(
    service: string,
    request: ServiceRequest,
    how: { readonly deadlineMs: number; readonly traceparent: string; readonly signal?: AbortSignal },
  ): Promise<BrokerOutcome>;
  /** What this host knows of a service's breaker. No call. */
  breaker(service: string): BreakerView;
}

interface Line {
  readonly breaker: CircuitBreaker;
  readonly budget: RetryBudget;
  readonly rules: RetryRules;
  readonly hedged: Run | undefined;
}

const OPTIONS = ['registry', 'transport', 'table', 'clock', 'random', 'log', 'retry', 'breaker', 'hedge'];
/** Services that a host knows the state of; the one that was used longest ago is forgotten first. */
const MAX_LINES = 1_000;
const MAX_DEADLINE_MS = 86_400_000;

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const broker = (options: BrokerOptions): Broker => {
  checkNames(options, OPTIONS);
  const { registry, transport, table, clock, random, log, retry, hedge: hedging } = options;
  const { attemptCount, backoff, ratio, burstCount } = retry;
  checkInteger('retry.attemptCount', attemptCount, 1, 10);
  if (hedging !== undefined) checkNumber('hedge.ratio', hedging.ratio, 0, 1);
  const lines = new Map<string, Line>();

  const makeLine = (name: string): Line => {
    const budget = retryBudget({ ratio, burstCount });
    return {
      budget,
      breaker: fleetCircuitBreaker({
        ...options.breaker,
        name,
        table,
        clock,
        random,
        log,
        isFailure: (error) => !isNoFailure(error),
        isFailureValue: isServiceFailure,
      }),
      rules: {
        attemptCount,
        backoff,
        budget,
        isRetryableValue: isPassing,
        wasNotSent: (error) => error instanceof UnavailableError,
        waitAtLeastMs: retryAfterMs,
      },
      hedged:
        hedging === undefined
          ? undefined
          : hedge({
              clock,
              delayMs: hedging.delayMs,
              attemptCount: 2,
              budget: retryBudget({ ratio: hedging.ratio, burstCount }),
            }),
    };
  };
  const lineOf = (name: string): Line => {
    const line = lines.get(name) ?? makeLine(name);
    lines.delete(name);
    lines.set(name, line);
    const [oldest] = lines.keys();
    if (lines.size > MAX_LINES && oldest !== undefined) lines.delete(oldest);
    return line;
  };

  /** Before a probe, while all others are refused: no client's request goes to a service that says it is ill. */
  const askHealth = async (service: Service, traceparent: string, attempt: Attempt): Promise<void> => {
    const { healthPath = '', target } = service;
    const request = { method: 'GET', path: healthPath.slice(1), query: '', headers: {}, body: new Uint8Array() };
    const headers = headersFor(request, { traceparent, remainingMs: attempt.dueAtMs - clock.monotonicMs() });
    const path = `${target.basePath}${healthPath}`;
    const { status } = await transport({ ...request, target, path, headers, onNewConnection: false }, attempt.signal);
    if (status < 200 || status > 299) throw new UnavailableError(`the service (its health is ${status})`);
  };

  return Object.freeze<Broker>({
    breaker: (name) => lines.get(name)?.breaker.view() ?? { status: 'closed' },
    send: async (name, request, { deadlineMs, traceparent, signal }) => {
      const service = await registry.get(name);
      if (service === undefined) return { status: 'unknown-service' };
      const path = pathAt(service, request);
      if (path === undefined) return { status: 'refused', reason: 'The path climbs above its beginning.' };
      if (isGoingRound(request.headers)) return { status: 'refused', reason: 'The request goes round in a circle.' };
      const { breaker, rules, hedged } = lineOf(name);
      const ownDueAtMs = clock.monotonicMs() + (deadlineOf(request.headers) ?? Infinity);
      const idempotent = isIdempotent(request);

      const sendOnce = (attempt: Attempt): Promise<ServiceAnswer> => {
        const remainingMs = Math.min(attempt.dueAtMs, ownDueAtMs) - clock.monotonicMs();
        const headers = headersFor(request, { traceparent, remainingMs });
        const { method, body } = request;
        const call = { target: service.target, method, path, headers, body, onNewConnection: !idempotent };
        return transport(call, attempt.signal);
      };
      const attemptOnce = async (attempt: Attempt): Promise<ServiceAnswer> => {
        if (service.healthPath !== undefined && breaker.view().status === 'half-open')
          await askHealth(service, traceparent, attempt);
        if (hedged === undefined) return sendOnce(attempt);
        const { dueAtMs } = attempt;
        return hedged(({ number, signal: own }) => sendOnce({ number, dueAtMs, signal: own }), {
          idempotent,
          signal: attempt.signal,
        });
      };
      const run = policy({
        clock,
        random,
        retry: rules,
        breaker,
        timeoutMs: service.timeoutMs,
        deadlineMs: Math.min(MAX_DEADLINE_MS, Math.max(1, Math.floor(deadlineMs))),
      });
      return withinOwnDeadline(clock, request, signal, async (limit) => {
        try {
          const answer = await run(attemptOnce, { idempotent, ...(limit === undefined ? {} : { signal: limit }) });
          return { status: 'answered', answer };
        } catch (error) {
          const outcome = outcomeOf(error);
          if (outcome === undefined || signal?.aborted === true) throw error;
          return outcome;
        }
      });
    },
  });
};

import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import { CircuitOpenError, TimeoutError } from '#resilience/index';
import { AnswerTooLongError, TargetRefusedError } from './errors.ts';
import type { ServiceAnswer } from './types.ts';

/** What came of a request. Only `answered` is the service's own word. */
export type BrokerOutcome =
  | { readonly status: 'answered'; readonly answer: ServiceAnswer }
  | { readonly status: 'unknown-service' }
  /** Nothing was sent: the path, or the way that the request has come, cannot be right. */
  | { readonly status: 'refused'; readonly reason: string }
  /** Nothing was sent: the target may not be connected to. */
  | { readonly status: 'target-refused' }
  /** The breaker is open: nothing was sent, at least not by the last attempt. */
  | { readonly status: 'open'; readonly retryAfterMs: number }
  /** No connection was made: nothing was sent. */
  | { readonly status: 'unavailable' }
  /** It was sent, and there was no answer: what was asked for may have been done. */
  | { readonly status: 'lost' }
  | { readonly status: 'timed-out' }
  | { readonly status: 'too-long' };

const NOT_OURS = new Set([501, 505]);
const PASSING = new Set([502, 503, 504]);

const statusOf = (value: unknown): number =>
  typeof value === 'object' && value !== null && 'status' in value && typeof value.status === 'number'
    ? value.status
    : 0;

/** The service is ill. That it does not know a method, or a version, says nothing of it. */
export const isServiceFailure = (value: unknown): boolean => statusOf(value) >= 500 && !NOT_OURS.has(statusOf(value));

/** How long the service asks to be left alone. */
export const retryAfterMs = (value: unknown): number | undefined => {
  if (typeof value !== 'object' || value === null || !('headers' in value)) return undefined;
  const { 'retry-after': [text = ''] = [] } = (value as ServiceAnswer).headers;
  return /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
};

/** What an error of the attempts means to the client; undefined for what none of them raises. */
export const outcomeOf = (error: unknown): BrokerOutcome | undefined => {
  if (error instanceof CircuitOpenError) return { status: 'open', retryAfterMs: error.retryAfterMs };
  if (error instanceof TargetRefusedError) return { status: 'target-refused' };
  if (error instanceof AnswerTooLongError) return { status: 'too-long' };
  if (error instanceof TimeoutError) return { status: 'timed-out' };
  if (error instanceof UnavailableError) return { status: 'unavailable' };
  if (error instanceof OutcomeUnknownError) return { status: 'lost' };
  return undefined;
};

/** The service may answer the same request better the next time. */
export const isPassing = (value: unknown): boolean => PASSING.has(statusOf(value));

/** Errors by which the service itself says nothing of how it is. */
export const isNoFailure = (error: unknown): boolean =>
  error instanceof TargetRefusedError || error instanceof AnswerTooLongError;

import * as v from 'valibot';
import { canonicalJson } from '#primitives/canonical-json';
import { sha256 } from '#primitives/sha256';
import type { Idempotency } from '#resilience/idempotency';
import { problem, retryAfter, type Problem } from './handlers.ts';
import { render, type Rendered } from './rendering.ts';

/** No function runs longer. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
const MAX_ATTEMPT_MS = 900_000;

const RENDERED = v.object({ status: v.number(), headers: v.record(v.string(), v.string()), body: v.string() });

/** True for what may be an idempotency key: 1..255 printable characters of ASCII. */
export const isIdempotencyKey = (text: string): boolean => /^[\x20-\x7e]{1,255}$/.test(text);

/** What keys belong to, as text. */
export const keyScopeOf = (scope: readonly string[]): string => sha256(canonicalJson(scope));

export const keyInProgress = (retryAfterMs: number): Problem =>
  problem(409, {
    type: 'idempotency-key-in-progress',
    detail: 'The first request with this idempotency key has not ended.',
    headers: retryAfter(retryAfterMs),
  });

export const keyReused = (): Problem =>
  problem(422, {
    type: 'idempotency-key-reused',
    detail: 'This idempotency key came with another request before.',
  });

// What asks the client to come again, and what went wrong here, must not be all that the key will ever be told.
const isLasting = ({ status, headers }: Rendered): boolean => status < 500 && headers['retry-after'] === undefined;

/**
 * Answers all requests of one key with the answer of the first: the later ones carry `idempotency-replayed`. 409 while
 * the first still runs, 422 when the key came with another request.
 *
 * @param how.scope The route and the caller: keys of two scopes never meet.
 * @param how.request What must be the same: parameters, query and body as they were sent.
 * @param how.remainingMs What the platform leaves to this attempt: when it is over, so is the attempt's claim to the key.
 */
export const answerOnce = async (
  idempotency: Idempotency,
  how: {
    readonly scope: readonly string[];
    readonly key: string;
    readonly request: unknown;
    readonly remainingMs: number;
  },
  work: (operationId: string) => Promise<Rendered>,
): Promise<Rendered> => {
  const outcome = await idempotency.run(
    keyScopeOf(how.scope),
    how.key,
    sha256(canonicalJson(how.request)),
    async (operationId) => {
      const { status, headers, body } = await work(operationId);
      return { answer: { status, headers, body }, keep: isLasting({ status, headers, body }) };
    },
    { attemptMs: Math.floor(Math.min(MAX_ATTEMPT_MS, Math.max(0, how.remainingMs))) },
  );
  switch (outcome.status) {
    case 'answered': {
      const rendered = v.parse(RENDERED, outcome.answer);
      if (!outcome.replayed) return rendered;
      return { ...rendered, headers: { ...rendered.headers, 'idempotency-replayed': 'true' } };
    }
    case 'in-progress':
      return render(keyInProgress(outcome.retryAfterMs));
    case 'reused':
      return render(keyReused());
  }
};

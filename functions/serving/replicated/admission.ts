import { problem, type Problem } from '#http/handlers';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Decision, Quota } from '#serving/replicated/gcra';
import type { Limiter } from '#serving/replicated/limiter-types';
import type { MemoryLimiter } from '#serving/replicated/memory-limiter';
import { rateLimitHeaders, type AskedLimit } from '#serving/replicated/rate-limit-headers';

/** Who asks: the header `x-client-id`, else the address. */
export interface Client {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly address: string;
  readonly log: Log;
}

/** One limit, and what stands in for it while its table does not answer. */
export interface Limit {
  readonly name: string;
  readonly quota: Quota;
  readonly limiter: Limiter;
  readonly fallback: MemoryLimiter;
}

export type Admission = (client: Client) => Promise<{ readonly headers: Readonly<Record<string, string>> } | Problem>;

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/;
const EVERYBODY = 'everybody';

const keyOf = ({ headers, address }: Client): string | undefined => {
  const { 'x-client-id': id } = headers;
  if (id === undefined) return `address/${address || 'unknown'}`;
  return CLIENT_ID.test(id) ? `id/${id}` : undefined;
};

/**
 * Lets a request in by two limits, each client's own and that of all together. A client over its own limit takes nothing
 * of what all share. While the table is away each replica limits by itself: the service goes on, and a flood is still
 * kept out.
 */
export const admission = (options: { readonly perClient: Limit; readonly overall: Limit }): Admission => {
  const ask = async ({ name, quota, limiter, fallback }: Limit, key: string, log: Log): Promise<AskedLimit> => {
    let decision: Decision;
    try {
      decision = await limiter.take(key);
    } catch (error) {
      if (!(error instanceof PatternError && error.retryable)) throw error;
      log.warn('The table of the limits is away: this replica limits by itself', { limit: name, error });
      decision = fallback.take(key);
    }
    return { name, quota, decision };
  };

  return async (client) => {
    const key = keyOf(client);
    if (key === undefined)
      return problem(400, {
        type: 'invalid-request',
        detail: 'Not valid: x-client-id.',
        errors: { 'x-client-id': ['Expected 1 to 128 visible characters of ASCII.'] },
      });
    const own = await ask(options.perClient, key, client.log);
    const overall = own.decision.status === 'refused' ? undefined : await ask(options.overall, EVERYBODY, client.log);
    // What is left of the common limit is known to none of its replicas: a client hears of it when it refuses.
    const isFull = overall?.decision.status === 'refused';
    const headers = rateLimitHeaders(isFull ? [own, overall] : [own]);
    if (own.decision.status === 'allowed' && !isFull) return { headers };
    const whose = isFull ? 'of all clients together' : 'of this client';
    return problem(429, { type: 'rate-limited', detail: `More requests than the limit ${whose} allows.`, headers });
  };
};

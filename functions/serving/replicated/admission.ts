import { problem, type Problem } from '#http/handlers';
import { isRetryable } from '#primitives/errors';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { inTime } from '#resilience/in-time';
import type { Quota } from '#resilience/quota';
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

export interface AdmissionOptions {
  readonly perClient: Limit;
  readonly overall: Limit;
  readonly clock: Clock;
  readonly random: Random;
  /** A decision that takes longer is not waited for: its table is away. Integer, ms. */
  readonly timeoutMs: number;
  /** So long a limit that was late is not asked again, but for one request to see whether it is back. Integer, ms. */
  readonly pauseMs: number;
}

interface Asked extends AskedLimit {
  /** The table was away: this replica has decided by itself. */
  readonly isAlone: boolean;
}

const askAlone = ({ name, quota, fallback }: Limit, key: string): Asked => ({
  name,
  quota,
  decision: fallback.take(key),
  isAlone: true,
});

/** Asks one limit, and what stands in for it when it does not answer in time. */
const askingOf = (limit: Limit, options: AdmissionOptions) => {
  const { name, quota, limiter } = limit;
  const { clock, random, timeoutMs, pauseMs } = options;
  const run = inTime({ name: `limit ${name}`, clock, random, timeoutMs, pauseMs });
  return async (key: string, log: Log): Promise<Asked> => {
    try {
      return { name, quota, decision: await run(() => limiter.take(key)), isAlone: false };
    } catch (error) {
      if (!isRetryable(error)) throw error;
      log.warn('The table of the limits is away: this replica limits by itself', { limit: name, error });
      return askAlone(limit, key);
    }
  };
};

/**
 * Lets a request in by two limits, each client's own and that of all together. A client over its own limit takes nothing
 * of what all share. While the table is away, which is also when it is late, each replica limits by itself: the service
 * goes on, and a flood is still kept out.
 */
export const admission = (options: AdmissionOptions): Admission => {
  const askOwn = askingOf(options.perClient, options);
  const askOverall = askingOf(options.overall, options);
  const askShared = async ({ decision, isAlone }: Asked, log: Log): Promise<Asked | undefined> => {
    if (decision.status === 'refused') return undefined;
    // Both are in one table: what is known of one is true of the other.
    return isAlone ? askAlone(options.overall, EVERYBODY) : askOverall(EVERYBODY, log);
  };

  return async (client) => {
    const key = keyOf(client);
    if (key === undefined)
      return problem(400, {
        type: 'invalid-request',
        detail: 'Not valid: x-client-id.',
        errors: { 'x-client-id': ['Expected 1 to 128 visible characters of ASCII.'] },
      });
    const own = await askOwn(key, client.log);
    const overall = await askShared(own, client.log);
    // What is left of the common limit is known to none of its replicas: a client hears of it when it refuses.
    const isFull = overall?.decision.status === 'refused';
    const headers = rateLimitHeaders(isFull ? [own, overall] : [own]);
    if (own.decision.status === 'allowed' && !isFull) return { headers };
    const whose = isFull ? 'of all clients together' : 'of this client';
    return problem(429, { type: 'rate-limited', detail: `More requests than the limit ${whose} allows.`, headers });
  };
};

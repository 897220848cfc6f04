import { refuse } from '#primitives/checks';
import type { Quota } from '#resilience/quota';
import type { Decision } from './gcra.ts';

/** A limit that was asked, and what it said. */
export interface AskedLimit {
  /** Names it to the client: 1..128 visible characters of ASCII and spaces, without `"` and `\`. */
  readonly name: string;
  readonly quota: Quota;
  readonly decision: Decision;
}

/** What may stand between the quotes of a structured field. @see https://www.rfc-editor.org/rfc/rfc9651#section-3.3.3 */
const NAME = /^[\x20-\x21\x23-\x5b\x5d-\x7e]{1,128}$/;

const seconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/**
 * What a client is told of the limits that it met: `ratelimit-policy` (q: how much at once; w: seconds in which that much
 * comes again), `ratelimit` (r: how much is left; t: seconds until all is there again), and with a refusal `retry-after`,
 * by the limit that refuses for longest.
 *
 * @throws {@link InvalidArgumentError} when a name cannot stand in a header
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3 (Retry-After)
 */
export const rateLimitHeaders = (asked: readonly AskedLimit[]): Readonly<Record<string, string>> => {
  for (const { name } of asked) {
    if (!NAME.test(name)) throw refuse('name', '1 to 128 visible characters of ASCII without " and \\', name);
  }
  const policies = asked.map(
    ({ name, quota: { ratePerSecond, burstCount } }) =>
      `"${name}";q=${burstCount};w=${seconds((burstCount * 1000) / ratePerSecond)}`,
  );
  const limits = asked.map(
    ({ name, decision }) => `"${name}";r=${decision.remainingCount};t=${seconds(decision.resetMs)}`,
  );
  const waitsMs = asked.map(({ decision }) => (decision.status === 'refused' ? decision.retryAfterMs : 0));
  const isRefused = asked.some(({ decision }) => decision.status === 'refused');
  return Object.freeze({
    'ratelimit-policy': policies.join(', '),
    ratelimit: limits.join(', '),
    ...(isRefused ? { 'retry-after': String(seconds(Math.max(...waitsMs))) } : {}),
  });
};

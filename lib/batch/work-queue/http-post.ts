import { InvalidArgumentError } from '#primitives/errors';
import type { Post } from './record-worker.ts';

const TIMEOUT_MS = 5_000;

/**
 * Posts items to one address as JSON, with their effect key as `Idempotency-Key`. Redirects are not followed; any
 * answer but a 2xx counts as not taken.
 *
 * @param options `url`: http or https.
 * @throws {@link InvalidArgumentError} when the address is another one
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export const httpPost = ({ url }: { readonly url: string }): Post => {
  const target = URL.parse(url);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw new InvalidArgumentError(`Expected 'url' to be an http or https address, got '${url}'.`);
  }
  return async (item, { jobId, effectKey, signal }) => {
    const response = await fetch(target, {
      method: 'POST',
      // A header takes only some characters, an item's id may have any: percent-encoding is the same at every attempt.
      headers: { 'content-type': 'application/json', 'idempotency-key': encodeURI(effectKey) },
      body: JSON.stringify({ jobId, id: item.id, payload: item.payload }),
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`EFFECT_URL answered with ${response.status}`);
  };
};

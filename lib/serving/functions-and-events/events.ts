import type { Bus } from '#primitives/bus';
import { UnavailableError } from '#primitives/errors';
import type { Json } from '#primitives/table';

/** Who speaks in the events of this pattern. */
export const EVENT_SOURCE = 'distributed-patterns.functions-and-events';

const TRIES = 3;

/**
 * Publishes one event, up to three times: it arrives at least once.
 *
 * @throws {@link UnavailableError} when the bus did not take it; it may have arrived all the same
 */
export const announce = async (
  bus: Bus,
  type: string,
  detail: { readonly [name: string]: Json },
  traceparent?: string,
): Promise<void> => {
  const event = { source: EVENT_SOURCE, type, detail: traceparent === undefined ? detail : { ...detail, traceparent } };
  let reason = 'no answer';
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const [outcome] = await bus.publish([event]);
    if (outcome?.ok === true) return;
    reason = outcome?.reason ?? reason;
    if (outcome?.retryable === false) break;
  }
  throw new UnavailableError(`${bus.name} does not take '${type}' (${reason})`);
};

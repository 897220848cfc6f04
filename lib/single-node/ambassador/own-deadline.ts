import type { Clock } from '#primitives/clock';
import { TimeoutError } from '#resilience/index';
import { deadlineOf } from './forwarding.ts';
import type { ServiceRequest } from './types.ts';

/**
 * What the sender says of his patience ends his request, and tells the breaker nothing: whoever waits for a millisecond
 * could otherwise close a service to all others.
 */
export const withinOwnDeadline = async <T>(
  clock: Clock,
  { headers }: ServiceRequest,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> => {
  const ownMs = deadlineOf(headers);
  if (ownMs === undefined) return work(signal);
  const late = new AbortController();
  const over = new AbortController();
  clock.sleep(ownMs, over.signal).then(
    () => late.abort(new TimeoutError(ownMs)),
    () => undefined,
  );
  try {
    return await work(signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]));
  } finally {
    over.abort();
  }
};

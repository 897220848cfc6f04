import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue } from '#primitives/queue';
import type { ServiceRequest } from './types.ts';

/** A copy of a request, and the service that it is for. */
export interface ShadowCopy {
  readonly service: string;
  readonly request: ServiceRequest;
  readonly traceparent: string;
}

export interface ShadowOptions {
  /** Hands a copy over, e.g. {@link shadowQueue}. It may take its time, fail, or never end. */
  readonly deliver: (copy: ShadowCopy, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** How long an answer that is ready waits for the copy to be handed over. 0..1_000 ms. */
  readonly graceMs: number;
  /** Copies on their way; what comes beyond is dropped. 1..1_000. */
  readonly maxInFlightCount: number;
  /** A copy that takes longer is told to stop. 1..60_000 ms. */
  readonly timeoutMs: number;
}

/**
 * Sends copies of requests to a service whose answers nobody sees. Whatever it does, the client sees the same bytes, at
 * most `graceMs` later: copies are handed over while the request itself is on its way.
 */
export interface Shadow {
  /** Starts. What it gives resolves when the copy was handed over or `graceMs` after it was called; never rejects. */
  start(copy: ShadowCopy): () => Promise<void>;
  /** How many copies were handed over, were dropped because too many were on their way, and failed. */
  counts(): { readonly sent: number; readonly dropped: number; readonly failed: number };
}

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const shadow = (options: ShadowOptions): Shadow => {
  checkNames(options, ['deliver', 'clock', 'log', 'graceMs', 'maxInFlightCount', 'timeoutMs']);
  const { deliver, clock, log, graceMs, maxInFlightCount, timeoutMs } = options;
  checkInteger('graceMs', graceMs, 0, 1_000);
  checkInteger('maxInFlightCount', maxInFlightCount, 1, 1_000);
  checkInteger('timeoutMs', timeoutMs, 1, 60_000);
  let inFlight = 0;
  let [sent, dropped, failed] = [0, 0, 0];

  const handOver = async (copy: ShadowCopy): Promise<void> => {
    const late = new AbortController();
    const over = new AbortController();
    inFlight += 1;
    clock.sleep(timeoutMs, over.signal).then(
      () => late.abort(new Error('The copy was not handed over in time.')),
      () => undefined,
    );
    try {
      // The request itself goes out first: what it takes to write a copy shall not be waited for.
      await clock.sleep(0);
      await deliver(copy, late.signal);
      sent += 1;
    } catch (error) {
      failed += 1;
      log.warn('a shadow copy was not handed over', { service: copy.service, error });
    } finally {
      inFlight -= 1;
      over.abort();
    }
  };

  return Object.freeze<Shadow>({
    counts: () => ({ sent, dropped, failed }),
    start: (copy) => {
      if (inFlight >= maxInFlightCount) {
        dropped += 1;
        return () => Promise.resolve();
      }
      const handed = handOver(copy);
      return async () => {
        const over = new AbortController();
        const grace = clock.sleep(graceMs, over.signal).catch(() => undefined);
        await Promise.race([handed, grace]);
        over.abort();
      };
    },
  });
};

/** A copy as a message has it. */
const copyToText = ({ service, request, traceparent }: ShadowCopy): string =>
  JSON.stringify({ service, traceparent, ...request, body: Buffer.from(request.body).toString('base64') });

/**
 * Hands copies over to a queue: a function that answers HTTP is frozen when it has answered, and with it all that it
 * still had to send. Whoever reads the queue sends them (`shadowWorker`), in his own time.
 */
export const shadowQueue =
  ({ queue }: { readonly queue: Queue }): ShadowOptions['deliver'] =>
  async (copy, signal) => {
    const [outcome] = await queue.sendBatch([{ body: copyToText(copy) }], signal);
    if (outcome?.ok !== true) throw new Error(outcome?.reason ?? 'nothing was sent');
  };

import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import type { Queue } from '#primitives/queue';
import { queueText } from '#primitives/queue-text';
import { TRACEPARENT } from '#primitives/trace';
import type { LogBatch } from './log-batch.ts';

export type LogSender = (
  batch: Omit<LogBatch, 'batchId' | 'receivedAtMs'> & { readonly batchId: string },
  traceparent?: string,
) => Promise<void>;

/**
 * Accepts lines: when it resolves they are in the queue, by one call. The same `batchId` again makes no second entries.
 * A batch may be 1 MiB as JSON.
 */
export const logSender =
  (options: { readonly queue: Queue; readonly clock: Clock }): LogSender =>
  async (batch, traceparent) => {
    const body = queueText(JSON.stringify({ ...batch, receivedAtMs: Math.floor(options.clock.nowMs()) }));
    const attributes = traceparent === undefined ? {} : { [TRACEPARENT]: traceparent };
    const [outcome] = await options.queue.sendBatch([{ body, attributes }]);
    if (outcome?.ok !== true) throw new UnavailableError(`queue ${options.queue.name}`, outcome?.reason);
  };

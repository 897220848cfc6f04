import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';

/** How long the message of a failed item is hidden. */
export interface Backoff {
  /** The most that the second attempt is put off; each further one up to twice as long. 1..43_200_000 ms. */
  readonly baseMs: number;
  /** No attempt is put off for longer. From `baseMs` to 43_200_000 ms; best the queue's own visibility timeout. */
  readonly limitMs: number;
}

/**
 * The wait before the next attempt: exponential, with full jitter, so that items that failed together don't come
 * together again.
 *
 * @param attempt How often the item was tried: 1 and more.
 * @see https://docs.aws.amazon.com/prescriptive-guidance/latest/cloud-design-patterns/retry-backoff.html
 */
export const retryDelayMs = (attempt: number, { baseMs, limitMs }: Backoff, random: Random): number =>
  Math.round(random.next() * Math.min(limitMs, baseMs * 2 ** Math.min(attempt - 1, 30)));

/** A message that is to come again, and after how long. */
export interface Retry {
  readonly message: ReceivedMessage;
  readonly delayMs: number;
}

/**
 * Lets failed messages come again after their delays, by one call for ten. What cannot be put off comes again after the
 * queue's visibility timeout, as it would have without: a crash or a refusal here costs nothing but time.
 */
export const retryLater = async (queue: Queue, retries: readonly Retry[]): Promise<void> => {
  if (retries.length === 0) return;
  await queue.changeVisibilityBatch(
    retries.map(({ message, delayMs }) => ({ receipt: message.receipt, visibilityMs: delayMs })),
  );
};

/** How long a delivery is tried. */
export interface DeliveryPolicy {
  readonly maxRetryCount: number;
  readonly maxAgeMs: number;
}

export type ExhaustedCondition = 'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds';

/** What follows a failed try that may succeed later. */
export type DeliveryStep =
  | { readonly kind: 'retry'; readonly delayMs: number }
  | { readonly kind: 'exhausted'; readonly condition: ExhaustedCondition };

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html */
export const DEFAULT_DELIVERY: DeliveryPolicy = Object.freeze({ maxRetryCount: 185, maxAgeMs: 86_400_000 });

/** AWS says exponential with jitter, and no figures: these spend 185 tries in about a day. */
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 900_000;
const MAX_DOUBLINGS = 20;

/**
 * Decides after the `failedCount`-th failed try of a delivery that is `ageMs` old.
 *
 * @param chance From 0 up to 1; the wait is between half and all of what the doubling says.
 */
export const stepDelivery = (
  failure: { readonly failedCount: number; readonly ageMs: number },
  policy: DeliveryPolicy,
  chance: number,
): DeliveryStep => {
  const { failedCount, ageMs } = failure;
  if (failedCount > policy.maxRetryCount) return { kind: 'exhausted', condition: 'MaximumRetryAttempts' };
  const fullMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(failedCount - 1, MAX_DOUBLINGS), MAX_DELAY_MS);
  const delayMs = (fullMs * (1 + chance)) / 2;
  if (ageMs + delayMs > policy.maxAgeMs) return { kind: 'exhausted', condition: 'MaximumEventAgeInSeconds' };
  return { kind: 'retry', delayMs };
};

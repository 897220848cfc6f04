import type { AcceptedEvent, EventBuses } from './bus.ts';
import { busNameOf } from './bus.ts';
import type { StoredRule } from './bus-rules.ts';
import type { Deliveries, Delivery, GivenUp, TryOutcome } from './deliveries.ts';
import type { RuleTarget } from './rule-targets.ts';
import { deadLetterTo, deliverTo, failure, delivered, type TargetServices } from './targets.ts';

/** An event on its way to the targets of rules. */
export interface Passage {
  readonly event: AcceptedEvent;
  /** ISO 8601. */
  readonly ingestionTime: string;
  /** It came from another bus: AWS does not let it on to a third. */
  readonly isForwarded: boolean;
}

export interface RuleDeliveryOptions {
  readonly deliveries: Deliveries;
  readonly services: TargetServices;
  /** Puts an event on another bus; false when there is none of the name. */
  readonly forward: EventBuses['forward'];
}

const deadLetterAttributes = (
  ruleArn: string,
  targetArn: string,
  reason: GivenUp,
): Readonly<Record<string, string>> => ({
  RULE_ARN: ruleArn,
  TARGET_ARN: targetArn,
  ERROR_CODE: reason.code,
  ERROR_MESSAGE: reason.message === '' ? reason.code : reason.message,
  RETRY_ATTEMPTS: String(reason.retryCount),
  ...(reason.exhausted === undefined ? {} : { EXHAUSTED_RETRY_CONDITION: reason.exhausted }),
});

/**
 * Brings an event to every target of a rule, each on its own: one that fails holds none of the others up.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
export const ruleDelivery = (options: RuleDeliveryOptions): ((stored: StoredRule, passage: Passage) => void) => {
  const { deliveries, services } = options;

  const toBus = (arn: string, { event, isForwarded }: Passage): TryOutcome => {
    if (isForwarded) return delivered;
    return options.forward(busNameOf(arn), event)
      ? delivered
      : failure('NO_RESOURCE', `Event bus ${busNameOf(arn)} does not exist.`, false);
  };

  const deliveryTo = (stored: StoredRule, { given, kind, render, policy }: RuleTarget, passage: Passage): Delivery => {
    const { event, ingestionTime } = passage;
    const payload =
      kind === 'bus' ? '' : render({ ...event }, { ruleArn: stored.arn, ruleName: stored.rule.Name, ingestionTime });
    const parcel = { arn: given.Arn, payload, groupId: given.SqsParameters?.MessageGroupId };
    const deadLetterArn = given.DeadLetterConfig?.Arn;
    return {
      what: `${stored.arn} to ${given.Arn}`,
      byteCount: payload.length,
      policy,
      attempt: () => (kind === 'bus' ? Promise.resolve(toBus(given.Arn, passage)) : deliverTo(services, parcel)),
      deadLetter: (reason) => {
        if (deadLetterArn === undefined) return undefined;
        const attributes = deadLetterAttributes(stored.arn, given.Arn, reason);
        return deadLetterTo(services, { arn: deadLetterArn, payload: JSON.stringify(event), attributes });
      },
    };
  };

  return (stored, passage) => {
    for (const target of stored.targets.values()) deliveries.accept(deliveryTo(stored, target, passage));
  };
};

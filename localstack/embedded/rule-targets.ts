import * as v from 'valibot';
import { DEFAULT_DELIVERY, type DeliveryPolicy } from '#event-sources/delivery';
import { compileTargetInput, InvalidTargetInputError, type InputRenderer } from '#event-sources/target-input';
import { invalid } from './refusal.ts';
import { isFifoQueue, targetKind, type TargetKind } from './targets.ts';

const MS_PER_S = 1_000;

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_RetryPolicy.html */
export const retryPolicySchema = v.strictObject({
  MaximumRetryAttempts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(185))),
  MaximumEventAgeInSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(60), v.maxValue(86_400))),
});

/** What a target may have here; whatever else it has is refused by its name. */
export const targetSchema = v.strictObject({
  Id: v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/)),
  Arn: v.pipe(v.string(), v.maxLength(1_600)),
  /** Nothing checks permissions on one machine. */
  RoleArn: v.optional(v.string()),
  Input: v.optional(v.string()),
  InputPath: v.optional(v.string()),
  InputTransformer: v.optional(
    v.strictObject({ InputPathsMap: v.optional(v.record(v.string(), v.string())), InputTemplate: v.string() }),
  ),
  SqsParameters: v.optional(v.strictObject({ MessageGroupId: v.optional(v.string()) })),
  DeadLetterConfig: v.optional(v.strictObject({ Arn: v.optional(v.string()) })),
  RetryPolicy: v.optional(retryPolicySchema),
});

/** A target as it was put. */
export type Target = Readonly<v.InferOutput<typeof targetSchema>>;

/** A target that is ready for events. */
export interface RuleTarget {
  readonly given: Target;
  readonly kind: TargetKind;
  readonly render: InputRenderer;
  readonly policy: DeliveryPolicy;
}

/** @throws Refused when the dead-letter queue is none that AWS takes. */
export const checkDeadLetterQueue = (arn: string | undefined): void => {
  if (arn === undefined) return;
  if (targetKind(arn) !== 'queue' || isFifoQueue(arn))
    throw invalid(`Expected 'DeadLetterConfig.Arn' to be the ARN of a standard queue, got '${arn}'.`);
};

export const policyOf = (given: v.InferOutput<typeof retryPolicySchema> = {}): DeliveryPolicy => {
  const { MaximumRetryAttempts: maxRetryCount, MaximumEventAgeInSeconds: maxAgeS } = given;
  return {
    maxRetryCount: maxRetryCount ?? DEFAULT_DELIVERY.maxRetryCount,
    maxAgeMs: maxAgeS === undefined ? DEFAULT_DELIVERY.maxAgeMs : maxAgeS * MS_PER_S,
  };
};

/** Why this one target is not taken while the others of the call are; undefined when nothing is wrong. */
export const entryProblem = ({ Id, Arn, SqsParameters }: Target): string | undefined => {
  if (!/^arn:[\w-]+:[\w-]+:[\w-]*:(?:\d{12})?:.+$/u.test(Arn))
    return `Parameter ${Arn} is not valid. Reason: Provided Arn is not in correct format.`;
  return isFifoQueue(Arn) && SqsParameters?.MessageGroupId === undefined
    ? `Parameter(s) SqsParameters must be specified for target: ${Id}.`
    : undefined;
};

/** @throws Refused for what AWS refuses, and for a kind of target that is not served here. */
export const ruleTarget = (given: Target): RuleTarget => {
  const kind = targetKind(given.Arn);
  if (kind === undefined)
    throw invalid(
      `Target ${given.Id}: ${given.Arn} is not served here. Known: SQS queues, Lambda functions, event buses.`,
    );
  checkDeadLetterQueue(given.DeadLetterConfig?.Arn);
  if (given.SqsParameters !== undefined && kind !== 'queue')
    throw invalid(`Parameter(s) SqsParameters not valid for target: ${given.Id}.`);
  const { Input, InputPath, InputTransformer } = given;
  if (kind === 'bus' && (Input ?? InputPath ?? InputTransformer) !== undefined)
    throw invalid(
      `Target ${given.Id}: an event bus gets the event itself, without Input, InputPath or InputTransformer.`,
    );
  try {
    return Object.freeze({ given, kind, render: compileTargetInput(given), policy: policyOf(given.RetryPolicy) });
  } catch (error) {
    if (error instanceof InvalidTargetInputError) throw invalid(`Target ${given.Id}: ${error.message}`);
    throw error;
  }
};

import { compileSnsFilter, type SnsFilter, type SnsFilterScope } from '#event-sources/sns-filter';
import { snsEnvelope, snsEvent, type SnsMessage } from '#event-sources/sns-message';
import type { Log } from '#primitives/log';
import type { Letters, Letter, LetterAttribute } from './letters.ts';

/** A subscription as the topics keep it. */
export interface SnsSubscription {
  readonly arn: string;
  readonly protocol: string;
  readonly endpoint: string;
  readonly attributes: Readonly<Record<string, string>>;
}

export interface Published {
  readonly message: SnsMessage;
  /** The attributes as they came: raw delivery hands them on. */
  readonly attributes: Readonly<Record<string, LetterAttribute>>;
  readonly groupId?: string;
  readonly deduplicationId?: string;
  /** The text for a protocol, where the publisher gave one for each. */
  readonly bodyFor: (protocol: string) => string;
}

export interface FanOutOptions {
  readonly letters: Letters;
  /** Takes an event for a function over; false when it cannot. */
  readonly toFunction: (arn: string, payload: string) => boolean;
  readonly log: Log;
}

const scopeOf = (given: string | undefined): SnsFilterScope =>
  given === 'MessageBody' ? 'MessageBody' : 'MessageAttributes';

/** The filter that the attributes of a subscription ask for. @throws InvalidPatternError when SNS would refuse it. */
export const filterOf = (attributes: Readonly<Record<string, string>>): SnsFilter => {
  const policy = attributes['FilterPolicy'];
  if (policy === undefined || policy === '') return () => true;
  return compileSnsFilter(policy, scopeOf(attributes['FilterPolicyScope']));
};

const deadLetterArn = ({ attributes }: SnsSubscription): string | undefined => {
  const policy = attributes['RedrivePolicy'];
  if (policy === undefined || policy === '') return undefined;
  const { deadLetterTargetArn } = JSON.parse(policy) as { readonly deadLetterTargetArn?: unknown };
  return typeof deadLetterTargetArn === 'string' ? deadLetterTargetArn : undefined;
};

const ordering = ({ groupId, deduplicationId }: Published): Pick<Letter, 'groupId' | 'deduplicationId'> => ({
  ...(groupId === undefined ? {} : { groupId }),
  ...(deduplicationId === undefined ? {} : { deduplicationId }),
});

/** A standard queue knows no deduplication. */
const orderingFor = (queueArn: string, published: Published): ReturnType<typeof ordering> =>
  queueArn.endsWith('.fifo') ? ordering(published) : {};

const letterFor = ({ arn, attributes, protocol }: SnsSubscription, published: Published): Letter => {
  const message = { ...published.message, body: published.bodyFor(protocol) };
  return attributes['RawMessageDelivery'] === 'true'
    ? { body: message.body, attributes: published.attributes }
    : { body: snsEnvelope(message, arn) };
};

/**
 * Hands a message to every subscription whose filter lets it through, before the publisher is answered; what a queue
 * or a function does not take goes to the dead-letter queue of the subscription, or is logged and gone. Never rejects.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
 */
export const snsFanOut = (
  options: FanOutOptions,
): ((subscriptions: readonly SnsSubscription[], published: Published) => Promise<void>) => {
  const { letters, log } = options;

  const buried = async (subscription: SnsSubscription, published: Published, letter: Letter, cause: unknown) => {
    const queue = deadLetterArn(subscription);
    const about = { subscription: subscription.arn, error: cause instanceof Error ? cause.message : String(cause) };
    if (queue === undefined) return log.error('a message was not delivered, and there is no dead-letter queue', about);
    log.warn('a message went to the dead-letter queue of its subscription', about);
    await letters.toQueue(queue, { ...letter, ...orderingFor(queue, published) });
  };

  const toOne = async (subscription: SnsSubscription, published: Published): Promise<void> => {
    const { arn, protocol, endpoint, attributes } = subscription;
    const { body, attributes: told } = published.message;
    if (!filterOf(attributes)({ body, attributes: told })) return;
    const letter = letterFor(subscription, published);
    try {
      if (protocol === 'sqs') await letters.toQueue(endpoint, { ...letter, ...orderingFor(endpoint, published) });
      else if (
        !options.toFunction(endpoint, snsEvent({ ...published.message, body: published.bodyFor(protocol) }, arn))
      )
        throw new Error(`The function ${endpoint} cannot be called.`);
    } catch (error) {
      await buried(subscription, published, letter, error);
    }
  };

  return async (subscriptions, published) => {
    for (const subscription of subscriptions)
      await toOne(subscription, published).catch((error: unknown) =>
        log.error('a message was lost', { subscription: subscription.arn, error: String(error) }),
      );
  };
};

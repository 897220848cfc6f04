import { randomUUID } from 'node:crypto';
import { InvalidPatternError } from '#event-sources/pattern';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { errorAnswer, escapeXml } from './answers.ts';
import { isJsonObject, jsonOf, type Answer, type Backend, type Call } from './call.ts';
import { functionNameIn } from './function-registry.ts';
import { Refused } from './refusal.ts';
import { filterOf, type Published, type SnsSubscription } from './sns-fan-out.ts';
import { messageAttributes, numbered, textMap } from './sns-form.ts';
import { invalid, MAX_MESSAGE_BYTES, snsPublisher, type PublishInput, type Topic } from './sns-publish.ts';

/** The topics and subscriptions, wherever they are kept. */
export interface SnsTopics {
  topic(arn: string): (Topic & { readonly subscriptionArns: readonly string[] }) | undefined;
  subscription(arn: string): SnsSubscription | undefined;
  /** Makes a new subscription one that gets messages. */
  confirm(arn: string): void;
}

export interface SnsApiOptions {
  readonly topics: SnsTopics;
  /** Keeps topics and subscriptions: serves all but publishing. */
  readonly backend: Backend;
  readonly fanOut: (subscriptions: readonly SnsSubscription[], published: Published) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
}

const MAX_ENTRIES = 10;
const ENTRY_ID = /^[\w-]{1,80}$/;
const QUEUE_ARN = /^arn:aws:sqs:[\w-]+:\d{12}:[\w-]+(\.fifo)?$/;
const SCOPES = ['MessageAttributes', 'MessageBody'];
const ATTRIBUTES = ['RawMessageDelivery', 'FilterPolicy', 'FilterPolicyScope', 'RedrivePolicy'];
const SUBSCRIPTION_ARN = /<SubscriptionArn>([^<]+)<\/SubscriptionArn>/;

const success = (action: string, result: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'text/xml' },
  body:
    `<${action}Response xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><${action}Result>${result}</${action}Result>` +
    `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${action}Response>`,
});

const resultOf = ({ message }: Published): string =>
  `<MessageId>${message.messageId}</MessageId>` +
  (message.sequenceNumber === undefined ? '' : `<SequenceNumber>${message.sequenceNumber}</SequenceNumber>`);

const inputOf = (form: URLSearchParams): PublishInput => ({
  message: form.get('Message') ?? '',
  subject: form.get('Subject') ?? undefined,
  structure: form.get('MessageStructure') ?? undefined,
  groupId: form.get('MessageGroupId') ?? undefined,
  deduplicationId: form.get('MessageDeduplicationId') ?? undefined,
  attributes: messageAttributes(form),
});

/** Whether the attributes make sense for a subscription of the protocol; what is not carried out here is refused. */
const checkAttributes = (protocol: string, attributes: Readonly<Record<string, string>>): void => {
  const unknown = Object.keys(attributes).find((name) => !ATTRIBUTES.includes(name));
  if (unknown !== undefined)
    throw invalid(`Attributes Reason: '${unknown}' is not carried out here. Known: ${ATTRIBUTES.join(', ')}`);
  const { FilterPolicyScope: scope, RawMessageDelivery: raw, RedrivePolicy: redrive } = attributes;
  if (scope !== undefined && scope !== '' && !SCOPES.includes(scope))
    throw invalid(`FilterPolicyScope: Invalid value [${scope}]. Please use either MessageBody or MessageAttributes`);
  if (raw !== undefined && raw !== 'true' && raw !== 'false')
    throw invalid(`Attributes Reason: RawMessageDelivery: Invalid value [${raw}]. Must be true or false.`);
  if (raw === 'true' && protocol !== 'sqs')
    throw invalid(`Attributes Reason: Delivery protocol [${protocol}] does not support raw message delivery.`);
  if (redrive !== undefined && redrive !== '') {
    const policy = jsonOf(redrive);
    const target = isJsonObject(policy) ? policy['deadLetterTargetArn'] : undefined;
    if (typeof target !== 'string' || !QUEUE_ARN.test(target))
      throw invalid('RedrivePolicy: deadLetterTargetArn must be the ARN of an SQS queue');
  }
  try {
    filterOf(attributes);
  } catch (error) {
    if (error instanceof InvalidPatternError) throw invalid(`FilterPolicy: ${error.message}`);
    throw error;
  }
};

const checkEndpoint = (topic: Topic, protocol: string, endpoint: string): void => {
  const isFifo = topic.attributes['FifoTopic'] === 'true';
  if (protocol === 'sqs') {
    if (!QUEUE_ARN.test(endpoint)) throw invalid('SQS endpoint ARN');
    if (endpoint.endsWith('.fifo') && !isFifo)
      throw invalid('Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics');
  } else if (protocol === 'lambda') {
    if (functionNameIn(endpoint) === undefined || !endpoint.startsWith('arn:aws:lambda:'))
      throw invalid('Lambda endpoint ARN');
    if (isFifo) throw invalid('Endpoint Reason: a FIFO topic delivers to SQS queues only');
  } else {
    throw invalid(`Protocol Reason: '${protocol}' is not served here. Known: sqs, lambda`);
  }
};

const refusedAnswer = ({ code, message, status }: Refused): Answer => errorAnswer('sns', { status, code, message });

/**
 * SNS: what publishes and what says to whom, here; the rest where topics are kept.
 *
 * @see https://docs.aws.amazon.com/sns/latest/api/API_Operations.html
 */
export const snsApi = (options: SnsApiOptions): ((name: string, call: Call) => Promise<Answer>) => {
  const { topics, backend } = options;
  const publisher = snsPublisher(options);

  const topicOf = (arn: string | null): NonNullable<ReturnType<SnsTopics['topic']>> => {
    if (arn === null) throw invalid('TopicArn or TargetArn Reason: no value for required parameter');
    const found = topics.topic(arn);
    if (found === undefined) throw new Refused('NotFound', 'Topic does not exist', 404);
    return found;
  };

  const publish = async (topic: ReturnType<typeof topicOf>, input: PublishInput): Promise<Published> => {
    const { published, isDuplicate } = publisher.accept(topic, input);
    const subscriptions = topic.subscriptionArns.flatMap((arn) => topics.subscription(arn) ?? []);
    if (!isDuplicate) await options.fanOut(subscriptions, published);
    return published;
  };

  const one = async (form: URLSearchParams): Promise<Answer> => {
    if (form.has('PhoneNumber')) throw invalid('PhoneNumber Reason: short messages are not served here');
    return success(
      'Publish',
      resultOf(await publish(topicOf(form.get('TopicArn') ?? form.get('TargetArn')), inputOf(form))),
    );
  };

  const batch = async (form: URLSearchParams): Promise<Answer> => {
    const topic = topicOf(form.get('TopicArn'));
    const entries = numbered(form, 'PublishBatchRequestEntries.member').map((fields) => {
      const entry = new URLSearchParams([...fields]);
      return { id: entry.get('Id') ?? '', input: inputOf(entry) };
    });
    const ids = entries.map(({ id }) => id);
    if (entries.length === 0) throw new Refused('EmptyBatchRequest', "The batch request doesn't contain any entries.");
    if (entries.length > MAX_ENTRIES)
      throw new Refused('TooManyEntriesInBatchRequest', 'The batch request contains more entries than permissible.');
    if (ids.some((id) => !ENTRY_ID.test(id)))
      throw new Refused(
        'InvalidBatchEntryId',
        "The Id of a batch entry in a batch request doesn't abide by the specification.",
      );
    if (new Set(ids).size < ids.length)
      throw new Refused('BatchEntryIdsNotDistinct', 'Two or more batch entries in the request have the same Id.');
    if (entries.reduce((sum, { input }) => sum + Buffer.byteLength(input.message), 0) > MAX_MESSAGE_BYTES)
      throw new Refused(
        'BatchRequestTooLong',
        'The length of all the batch messages put together is more than the limit.',
      );
    let successful = '';
    let failed = '';
    for (const { id, input } of entries) {
      try {
        successful += `<member><Id>${id}</Id>${resultOf(await publish(topic, input))}</member>`;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const { code, message } = error;
        failed += `<member><Id>${id}</Id><Code>${code}</Code><Message>${escapeXml(message)}</Message><SenderFault>true</SenderFault></member>`;
      }
    }
    return success('PublishBatch', `<Successful>${successful}</Successful><Failed>${failed}</Failed>`);
  };

  const subscribe = async (form: URLSearchParams, call: Call): Promise<Answer> => {
    const protocol = form.get('Protocol') ?? '';
    checkEndpoint(topicOf(form.get('TopicArn')), protocol, form.get('Endpoint') ?? '');
    checkAttributes(protocol, textMap(form, 'Attributes'));
    const answer = await backend(call);
    const arn = SUBSCRIPTION_ARN.exec(answer.body.toString())?.[1];
    if (arn !== undefined) topics.confirm(arn);
    return answer;
  };

  const setAttributes = (form: URLSearchParams, call: Call): Promise<Answer> => {
    const subscription = topics.subscription(form.get('SubscriptionArn') ?? '');
    const name = form.get('AttributeName');
    if (subscription !== undefined && name !== null)
      checkAttributes(subscription.protocol, { ...subscription.attributes, [name]: form.get('AttributeValue') ?? '' });
    return backend(call);
  };

  const handled = (name: string, call: Call): Promise<Answer> => {
    const form = new URLSearchParams(call.body.toString());
    if (name === 'Publish') return one(form);
    if (name === 'PublishBatch') return batch(form);
    if (name === 'Subscribe') return subscribe(form, call);
    return name === 'SetSubscriptionAttributes' ? setAttributes(form, call) : backend(call);
  };

  return async (name, call) => {
    try {
      return await handled(name, call);
    } catch (error) {
      if (error instanceof Refused) return refusedAnswer(error);
      throw error;
    }
  };
};

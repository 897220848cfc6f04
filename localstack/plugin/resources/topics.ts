import type { SNSClient } from '@aws-sdk/client-sns';
import { StackError } from '../errors.ts';
import { asText, isTrue, optionalText, requiredText, type ResourceType } from './type.ts';

const made = (arn: string | undefined, where: string) => {
  if (arn === undefined) throw new StackError(`${where}: was made, but no ARN was answered.`);
  return arn;
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html */
export const TOPIC: ResourceType = {
  handled: ['TopicName', 'FifoTopic', 'ContentBasedDeduplication', 'DisplayName'],
  withoutMeaning: { KmsMasterKeyId: 'topics on one machine are not encrypted', Tags: 'nothing reads them' },
  make: async (wanted, { sns }) => {
    const { CreateTopicCommand, SetTopicAttributesCommand } = await import('@aws-sdk/client-sns');
    const client = await sns();
    const { TopicName: _name, FifoTopic, ...changeable } = wanted.properties;
    const name = optionalText(wanted.properties, 'TopicName') ?? wanted.defaultName;
    const fixed: Record<string, string> = isTrue(FifoTopic) ? { FifoTopic: 'true' } : {};
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: name, Attributes: fixed }));
    const arn = made(TopicArn, wanted.where);
    for (const [AttributeName, value] of Object.entries(changeable).filter(([key]) => TOPIC.handled.includes(key)))
      await client.send(new SetTopicAttributesCommand({ TopicArn: arn, AttributeName, AttributeValue: asText(value) }));
    return { ref: arn, attributes: { TopicArn: arn, TopicName: name } };
  },
};

const SUBSCRIPTION_ATTRIBUTES = ['RawMessageDelivery', 'FilterPolicyScope', 'FilterPolicy', 'RedrivePolicy'];
/** The API gives up to 100 a page. */
const MAX_PAGES = 100;

interface Endpoint {
  readonly TopicArn: string;
  readonly Protocol: string;
  readonly Endpoint: string;
}

const existingArn = async (client: SNSClient, wanted: Endpoint): Promise<string | undefined> => {
  const { ListSubscriptionsByTopicCommand } = await import('@aws-sdk/client-sns');
  let token: string | undefined;
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { Subscriptions = [], NextToken } = await client.send(
      new ListSubscriptionsByTopicCommand({
        TopicArn: wanted.TopicArn,
        ...(token === undefined ? {} : { NextToken: token }),
      }),
    );
    const found = Subscriptions.find((each) => each.Protocol === wanted.Protocol && each.Endpoint === wanted.Endpoint);
    if (found?.SubscriptionArn !== undefined) return found.SubscriptionArn;
    token = NextToken;
    if (token === undefined) return undefined;
  }
  throw new StackError(`Topic ${wanted.TopicArn} has more than ${MAX_PAGES} pages of subscriptions.`);
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html */
export const SUBSCRIPTION: ResourceType = {
  handled: ['TopicArn', 'Protocol', 'Endpoint', ...SUBSCRIPTION_ATTRIBUTES],
  make: async (wanted, { sns }) => {
    const { SetSubscriptionAttributesCommand, SubscribeCommand } = await import('@aws-sdk/client-sns');
    const client = await sns();
    const endpoint = {
      TopicArn: requiredText(wanted, 'TopicArn'),
      Protocol: requiredText(wanted, 'Protocol'),
      Endpoint: requiredText(wanted, 'Endpoint'),
    };
    // To subscribe again is refused once the attributes are set: look first, and set them one by one.
    const existing = await existingArn(client, endpoint);
    const subscribe = new SubscribeCommand({ ...endpoint, ReturnSubscriptionArn: true });
    const arn = existing ?? made((await client.send(subscribe)).SubscriptionArn, wanted.where);
    for (const AttributeName of SUBSCRIPTION_ATTRIBUTES) {
      const AttributeValue = optionalText(wanted.properties, AttributeName);
      if (AttributeValue === undefined) continue;
      await client.send(new SetSubscriptionAttributesCommand({ SubscriptionArn: arn, AttributeName, AttributeValue }));
    }
    return { ref: arn, attributes: { Arn: arn } };
  },
};

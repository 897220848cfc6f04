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

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html */
export const SUBSCRIPTION: ResourceType = {
  handled: ['TopicArn', 'Protocol', 'Endpoint', ...SUBSCRIPTION_ATTRIBUTES],
  make: async (wanted, { sns }) => {
    const { SetSubscriptionAttributesCommand, SubscribeCommand } = await import('@aws-sdk/client-sns');
    const client = await sns();
    const Protocol = requiredText(wanted, 'Protocol');
    if (Protocol !== 'sqs')
      throw new StackError(`${wanted.where}: expected 'Protocol' to be sqs, the only one known here, got '${Protocol}'.`);
    const { SubscriptionArn } = await client.send(
      new SubscribeCommand({
        TopicArn: requiredText(wanted, 'TopicArn'),
        Protocol,
        Endpoint: requiredText(wanted, 'Endpoint'),
        ReturnSubscriptionArn: true,
      }),
    );
    const arn = made(SubscriptionArn, wanted.where);
    // Subscribing again gives the subscription that is there, and refuses other attributes: they are set one by one.
    for (const AttributeName of SUBSCRIPTION_ATTRIBUTES) {
      const AttributeValue = optionalText(wanted.properties, AttributeName);
      if (AttributeValue === undefined) continue;
      await client.send(new SetSubscriptionAttributesCommand({ SubscriptionArn: arn, AttributeName, AttributeValue }));
    }
    return { ref: arn, attributes: { Arn: arn } };
  },
};

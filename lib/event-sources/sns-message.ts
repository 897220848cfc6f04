export interface SnsAttribute {
  /** `String`, `String.Array`, `Number`, `Binary`, or one of them with a label. */
  readonly type: string;
  /** Text; of a binary attribute its base64. */
  readonly value: string;
}

/** A message as it was published to a topic. */
export interface SnsMessage {
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject?: string;
  readonly body: string;
  readonly attributes: Readonly<Record<string, SnsAttribute>>;
  readonly publishedAtMs: number;
  /** Of a FIFO topic. */
  readonly sequenceNumber?: string;
}

/** Nobody can check these here: they stand where a client expects them. */
const SIGNATURE = { SignatureVersion: '1', Signature: 'EXAMPLE' };

const certificateOf = (region: string): string =>
  `https://sns.${region}.amazonaws.com/SimpleNotificationService-0000000000000000000000.pem`;
const unsubscribeOf = (region: string, subscriptionArn: string): string =>
  `https://sns.${region}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}`;
const regionOf = ({ topicArn }: SnsMessage): string => topicArn.split(':')[3] ?? '';

const shown = ({ attributes }: SnsMessage): Readonly<Record<string, { Type: string; Value: string }>> =>
  Object.fromEntries(Object.entries(attributes).map(([name, { type, value }]) => [name, { Type: type, Value: value }]));

/**
 * The JSON that a queue gets for a message without raw delivery. Subject and attributes are left out when there are
 * none.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 */
export const snsEnvelope = (message: SnsMessage, subscriptionArn: string): string => {
  const region = regionOf(message);
  return JSON.stringify({
    Type: 'Notification',
    MessageId: message.messageId,
    ...(message.sequenceNumber === undefined ? {} : { SequenceNumber: message.sequenceNumber }),
    TopicArn: message.topicArn,
    ...(message.subject === undefined ? {} : { Subject: message.subject }),
    Message: message.body,
    Timestamp: new Date(message.publishedAtMs).toISOString(),
    ...SIGNATURE,
    SigningCertURL: certificateOf(region),
    UnsubscribeURL: unsubscribeOf(region, subscriptionArn),
    ...(Object.keys(message.attributes).length === 0 ? {} : { MessageAttributes: shown(message) }),
  });
};

/**
 * The event that a function gets for a message: one record, all fields there.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
 */
export const snsEvent = (message: SnsMessage, subscriptionArn: string): string => {
  const region = regionOf(message);
  const record = {
    EventSource: 'aws:sns',
    EventVersion: '1.0',
    EventSubscriptionArn: subscriptionArn,
    Sns: {
      Type: 'Notification',
      MessageId: message.messageId,
      TopicArn: message.topicArn,
      Subject: message.subject ?? null,
      Message: message.body,
      Timestamp: new Date(message.publishedAtMs).toISOString(),
      ...SIGNATURE,
      SigningCertUrl: certificateOf(region),
      UnsubscribeUrl: unsubscribeOf(region, subscriptionArn),
      MessageAttributes: shown(message),
    },
  };
  return JSON.stringify({ Records: [record] });
};

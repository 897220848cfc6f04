/** An attribute of a message as the SQS JSON protocol has it; binary values are base64. */
export interface WireAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

/** A message as ReceiveMessage of the SQS JSON protocol answers it. */
export interface WireMessage {
  readonly MessageId: string;
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MD5OfBody: string;
  readonly MD5OfMessageAttributes?: string;
  readonly Attributes?: Readonly<Record<string, string>>;
  readonly MessageAttributes?: Readonly<Record<string, WireAttribute>>;
}

interface SqsRecordAttribute {
  readonly dataType: string;
  readonly stringValue?: string;
  readonly binaryValue?: string;
  readonly stringListValues: readonly string[];
  readonly binaryListValues: readonly string[];
}

/** One entry of `Records` in the event that Lambda gives to a function. */
export interface SqsRecord {
  readonly messageId: string;
  readonly receiptHandle: string;
  readonly body: string;
  /** All values are text, also counts and timestamps (milliseconds since the epoch). */
  readonly attributes: Readonly<Record<string, string>>;
  readonly messageAttributes: Readonly<Record<string, SqsRecordAttribute>>;
  readonly md5OfBody: string;
  readonly md5OfMessageAttributes?: string;
  readonly eventSource: 'aws:sqs';
  readonly eventSourceARN: string;
  readonly awsRegion: string;
}

/** What an ARN says of a queue. */
export interface QueueArn {
  readonly region: string;
  readonly accountId: string;
  readonly queueName: string;
}

const QUEUE_ARN = /^arn:aws[a-z-]*:sqs:([a-z0-9-]+):(\d{12}):([A-Za-z0-9_-]{1,80}(?:\.fifo)?)$/u;

/** The parts of a queue's ARN, or undefined when it is not one. */
export const parseQueueArn = (arn: string): QueueArn | undefined => {
  const [, region, accountId, queueName] = QUEUE_ARN.exec(arn) ?? [];
  if (region === undefined || accountId === undefined || queueName === undefined) return undefined;
  return { region, accountId, queueName };
};

const recordAttribute = (attribute: WireAttribute): SqsRecordAttribute => ({
  ...(attribute.StringValue === undefined ? {} : { stringValue: attribute.StringValue }),
  ...(attribute.BinaryValue === undefined ? {} : { binaryValue: attribute.BinaryValue }),
  stringListValues: [],
  binaryListValues: [],
  dataType: attribute.DataType,
});

/**
 * The record that Lambda makes of a message: every field is there, with AWS's names and types.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
 */
export const sqsRecord = (
  message: WireMessage,
  source: { readonly arn: string; readonly region: string },
): SqsRecord => ({
  messageId: message.MessageId,
  receiptHandle: message.ReceiptHandle,
  body: message.Body,
  attributes: message.Attributes ?? {},
  messageAttributes: Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([name, attribute]) => [name, recordAttribute(attribute)]),
  ),
  md5OfBody: message.MD5OfBody,
  ...(message.MD5OfMessageAttributes === undefined ? {} : { md5OfMessageAttributes: message.MD5OfMessageAttributes }),
  eventSource: 'aws:sqs',
  eventSourceARN: source.arn,
  awsRegion: source.region,
});

const ENVELOPE_BYTES = Buffer.byteLength('{"Records":[]}');

/** The payload of an invocation from records that are already JSON; each record is made text only once. */
export const sqsPayload = (records: readonly string[]): string => `{"Records":[${records.join(',')}]}`;

/** What one record adds to a payload, its comma included. */
export const recordBytes = (record: string): number => Buffer.byteLength(record) + 1;

/** Lambda's payload limit for a synchronous call, less the envelope. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html */
export const BATCH_LIMIT_BYTES = 6 * 1024 * 1024 - ENVELOPE_BYTES;

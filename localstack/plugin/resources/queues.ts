import type { QueueAttributeName, SQSClient } from '@aws-sdk/client-sqs';
import type { Json } from '#primitives/table';
import { StackError } from '../errors.ts';
import { isList, isObject, type JsonObject, parseJson } from '../template.ts';
import {
  asText,
  errorName,
  isTrue,
  optionalText,
  requiredText,
  sameJson,
  type ResourceType,
  type Wanted,
} from './type.ts';

/**
 * What a queue has when the template says nothing: also what a property falls back to that was taken out of it. The
 * emulators differ here, so all of it is sent.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
const DEFAULTS: Readonly<Record<string, string>> = {
  VisibilityTimeout: '30',
  MessageRetentionPeriod: '345600',
  DelaySeconds: '0',
  MaximumMessageSize: '1048576',
  ReceiveMessageWaitTimeSeconds: '0',
};
const FIFO_DEFAULTS: Readonly<Record<string, string>> = { ContentBasedDeduplication: 'false' };
/** Have no default, and are taken away by an empty text. */
const POLICIES = ['RedrivePolicy', 'RedriveAllowPolicy'];
const FIFO_ONLY = ['ContentBasedDeduplication', 'DeduplicationScope', 'FifoThroughputLimit'];
/** Chosen when the queue is made, never changed. */
const FIXED = 'FifoQueue';

const ENCRYPTION = 'queues on one machine are not encrypted';

const parsed = (text: string): Json => {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
};

const existingUrl = async (client: SQSClient, name: string): Promise<string | undefined> => {
  const { GetQueueUrlCommand } = await import('@aws-sdk/client-sqs');
  try {
    return (await client.send(new GetQueueUrlCommand({ QueueName: name }))).QueueUrl;
  } catch (error) {
    if (/NonExistentQueue|QueueDoesNotExist/.test(errorName(error))) return undefined;
    throw error;
  }
};

/** The name of the queue that undeliverable messages go to; undefined when there is none. */
const deadLetterQueueOf = ({ where, properties }: Wanted): string | undefined => {
  const redrive = properties['RedrivePolicy'];
  if (redrive === undefined) return undefined;
  const policy = parsed(asText(redrive));
  const arn = isObject(policy) ? policy['deadLetterTargetArn'] : undefined;
  if (typeof arn === 'string' && arn.startsWith('arn:')) return arn.split(':').at(-1);
  throw new StackError(
    `${where}.RedrivePolicy: expected 'deadLetterTargetArn' to be an ARN, got ${JSON.stringify(arn)}.`,
  );
};

/** @throws {@link StackError} for what AWS refuses although the emulators take it. */
const checkQueue = async (client: SQSClient, wanted: Wanted, name: string): Promise<void> => {
  const { where, properties } = wanted;
  const isFifo = isTrue(properties['FifoQueue']);
  if (isFifo !== name.endsWith('.fifo'))
    throw new StackError(
      `${where}: expected the name of a FIFO queue, and of no other, to end in '.fifo', got '${name}'.`,
    );
  const misplaced = FIFO_ONLY.filter((property) => !isFifo && properties[property] !== undefined);
  if (misplaced.length > 0) throw new StackError(`${where}: '${misplaced.join("', '")}' is for FIFO queues only.`);
  const deadLetters = deadLetterQueueOf(wanted);
  if (deadLetters === undefined) return;
  if (deadLetters.endsWith('.fifo') !== isFifo)
    throw new StackError(
      `${where}.RedrivePolicy: expected the dead-letter queue to be ${isFifo ? 'a FIFO' : 'a standard'} queue too, got '${deadLetters}'.`,
    );
  if ((await existingUrl(client, deadLetters)) === undefined)
    throw new StackError(`${where}.RedrivePolicy: there is no queue '${deadLetters}'.`);
};

const attributesOf = (properties: JsonObject): Readonly<Record<string, string>> => {
  const isFifo = isTrue(properties['FifoQueue']);
  const given = Object.entries(properties).filter(([name]) => name !== 'QueueName' && QUEUE.handled.includes(name));
  return {
    ...DEFAULTS,
    ...(isFifo ? FIFO_DEFAULTS : {}),
    ...Object.fromEntries(
      given.filter(([name]) => name !== FIXED || isFifo).map(([name, value]) => [name, asText(value)]),
    ),
  };
};

const createQueue = async (client: SQSClient, name: string, attributes: Readonly<Record<string, string>>) => {
  const { CreateQueueCommand } = await import('@aws-sdk/client-sqs');
  const { QueueUrl } = await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }));
  return QueueUrl;
};

const updateQueue = async (client: SQSClient, url: string, wanted: Readonly<Record<string, string>>): Promise<void> => {
  const { GetQueueAttributesCommand, SetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
  const names: QueueAttributeName[] = ['All'];
  const { Attributes: current = {} } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: names }),
  );
  const existing: Readonly<Record<string, string | undefined>> = current;
  const removed = POLICIES.filter((name) => existing[name] && wanted[name] === undefined).map(
    (name) => [name, ''] as const,
  );
  const changed = Object.entries(wanted).filter(([name, value]) => {
    const before = existing[name];
    return name !== FIXED && (before === undefined || !sameJson(parsed(before), parsed(value)));
  });
  const attributes = Object.fromEntries([...removed, ...changed]);
  if (Object.keys(attributes).length === 0) return;
  await client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }));
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queue.html */
export const QUEUE: ResourceType = {
  handled: ['QueueName', FIXED, ...Object.keys(DEFAULTS), ...POLICIES, ...FIFO_ONLY],
  withoutMeaning: {
    SqsManagedSseEnabled: ENCRYPTION,
    KmsMasterKeyId: ENCRYPTION,
    KmsDataKeyReusePeriodSeconds: ENCRYPTION,
    Tags: 'nothing reads them',
  },
  make: async (wanted, { sqs, place }) => {
    const client = await sqs();
    const name = optionalText(wanted.properties, 'QueueName') ?? wanted.defaultName;
    await checkQueue(client, wanted, name);
    const attributes = attributesOf(wanted.properties);
    const existing = await existingUrl(client, name);
    if (existing !== undefined) await updateQueue(client, existing, attributes);
    const url = existing ?? (await createQueue(client, name, attributes));
    if (url === undefined)
      throw new StackError(`${wanted.where}: ${place.endpoint} gave no address for queue '${name}'.`);
    const arn = `arn:aws:sqs:${place.region}:${place.accountId}:${name}`;
    return { ref: url, attributes: { Arn: arn, QueueName: name, QueueUrl: url } };
  },
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sqs-queuepolicy.html */
export const QUEUE_POLICY: ResourceType = {
  handled: ['Queues', 'PolicyDocument'],
  make: async (wanted, { sqs }) => {
    const { SetQueueAttributesCommand } = await import('@aws-sdk/client-sqs');
    const client = await sqs();
    const policy = requiredText(wanted, 'PolicyDocument');
    const queues = wanted.properties['Queues'];
    if (!isList(queues)) throw new StackError(`${wanted.where}: expected 'Queues' to be a list of addresses.`);
    for (const queue of queues)
      await client.send(new SetQueueAttributesCommand({ QueueUrl: asText(queue), Attributes: { Policy: policy } }));
    return { ref: wanted.defaultName, attributes: {} };
  },
};

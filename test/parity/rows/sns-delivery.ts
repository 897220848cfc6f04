import { randomUUID } from 'node:crypto';
import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SubscribeCommand,
  type MessageAttributeValue,
} from '@aws-sdk/client-sns';
import { SetQueueAttributesCommand, type Message } from '@aws-sdk/client-sqs';
import type { ParityPlace, ParityQueue } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually, holdsFor } from '../wait.ts';

type Attributes = Readonly<Record<string, MessageAttributeValue>>;

const RAW = { RawMessageDelivery: 'true' };
const QUIET_MS = 2_000;
const text = (StringValue: string, DataType = 'String'): MessageAttributeValue => ({ DataType, StringValue });

const makeTopic = async (place: ParityPlace, suffix = ''): Promise<string> => {
  const attributes = suffix === '' ? {} : { Attributes: { FifoTopic: 'true' } };
  const { TopicArn = '' } = await place.sns.send(
    new CreateTopicCommand({ Name: `parity-${randomUUID()}${suffix}`, ...attributes }),
  );
  return TopicArn;
};

const subscribe = async (
  place: ParityPlace,
  given: { readonly TopicArn: string; readonly Protocol: string; readonly Endpoint: string },
  attributes: Readonly<Record<string, string>> = {},
): Promise<string> => {
  const input = { ...given, Attributes: { ...attributes }, ReturnSubscriptionArn: true };
  const { SubscriptionArn = '' } = await place.sns.send(new SubscribeCommand(input));
  return SubscriptionArn;
};

/** Lets topics and buckets send to a queue. */
const openQueue = async (place: ParityPlace, attributes?: Readonly<Record<string, string>>): Promise<ParityQueue> => {
  const queue = await place.queue({ VisibilityTimeout: '60', ...attributes });
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: queue.arn }];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await place.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes: { Policy } }));
  return queue;
};

/** A new topic that feeds a new queue. */
const fed = async (place: ParityPlace, attributes: Readonly<Record<string, string>> = {}) => {
  const TopicArn = await makeTopic(place);
  const queue = await openQueue(place);
  const subscription = await subscribe(place, { TopicArn, Protocol: 'sqs', Endpoint: queue.arn }, attributes);
  return { TopicArn, queue, subscription };
};

const publish = async (place: ParityPlace, TopicArn: string, Message: string, given: Attributes = {}) => {
  const { MessageId } = await place.sns.send(
    new PublishCommand({ TopicArn, Message, MessageAttributes: { ...given } }),
  );
  return MessageId;
};

/** Takes until so many messages have come. */
const received = async (place: ParityPlace, queue: ParityQueue, count: number): Promise<readonly Message[]> => {
  const found: Message[] = [];
  await eventually(`${count} messages`, async () => {
    found.push(...(await place.take(queue)));
    return found.length >= count;
  });
  return found;
};

/** Publishes both; only the first may come. */
const lets = async (place: ParityPlace, filter: Readonly<Record<string, string>>, yes: Attributes, no: Attributes) => {
  const { TopicArn, queue } = await fed(place, { ...RAW, ...filter });
  await publish(place, TopicArn, 'no', no);
  await publish(place, TopicArn, 'yes', yes);
  const found = await received(place, queue, 1);
  expect(found.map(({ Body }) => Body)).toEqual(['yes']);
  await holdsFor('nothing else comes', QUIET_MS, async () => (await place.take(queue)).length === 0);
};

const bodyFilter = async (place: ParityPlace, policy: object, yes: string, no: string): Promise<void> => {
  const FilterPolicy = JSON.stringify(policy);
  const { TopicArn, queue } = await fed(place, { ...RAW, FilterPolicyScope: 'MessageBody', FilterPolicy });
  await publish(place, TopicArn, no);
  await publish(place, TopicArn, yes);
  expect((await received(place, queue, 1)).map(({ Body }) => Body)).toEqual([yes]);
  await holdsFor('nothing else comes', QUIET_MS, async () => (await place.take(queue)).length === 0);
};

/** @see https://docs.aws.amazon.com/sns/latest/dg/sns-message-filtering.html */
export const snsDelivery: RowGroup = {
  subject: 'SNS → SQS, Lambda',
  rows: [
    {
      title: 'a queue gets a message of a topic in an envelope with its attributes',
      run: async (place) => {
        const { TopicArn, queue } = await fed(place);
        const MessageId = await publish(place, TopicArn, 'hi', { n: text('1', 'Number') });
        const [message] = await received(place, queue, 1);
        const envelope: unknown = JSON.parse(message?.Body ?? '');
        expect(envelope).toMatchObject({
          Type: 'Notification',
          MessageId,
          TopicArn,
          Message: 'hi',
          MessageAttributes: { n: { Type: 'Number', Value: '1' } },
        });
        for (const field of ['Timestamp', 'SignatureVersion', 'Signature', 'SigningCertURL', 'UnsubscribeURL'])
          expect(envelope).toHaveProperty(field);
      },
    },
    {
      title: 'raw delivery gives the body as it is, the attributes of the message as those of SQS',
      run: async (place) => {
        const { TopicArn, queue } = await fed(place, RAW);
        await publish(place, TopicArn, 'as it is', { colour: text('red') });
        const [message] = await received(place, queue, 1);
        expect(message).toMatchObject({ Body: 'as it is', MessageAttributes: { colour: text('red') } });
      },
    },
    {
      title: 'a filter on attributes lets through what has one of the values',
      run: (place) => lets(place, { FilterPolicy: '{"k":["a","b"]}' }, { k: text('b') }, { k: text('c') }),
    },
    {
      title: 'a number in a filter on attributes matches numbers, not texts',
      run: (place) =>
        lets(
          place,
          { FilterPolicy: '{"k":[{"numeric":[">=",100]}]}' },
          { k: text('150', 'Number') },
          { k: text('150') },
        ),
    },
    {
      title: 'one element of a String.Array is enough for a filter',
      run: (place) =>
        lets(
          place,
          { FilterPolicy: '{"k":["a"]}' },
          { k: text('["x","a"]', 'String.Array') },
          { k: text('["x"]', 'String.Array') },
        ),
    },
    {
      title: 'all keys of a filter must match; anything-but and prefix are known',
      run: (place) =>
        lets(
          place,
          { FilterPolicy: '{"k":[{"anything-but":["a"]}],"p":[{"prefix":"x"}]}' },
          { k: text('b'), p: text('xy') },
          { k: text('a'), p: text('xy') },
        ),
    },
    {
      title: 'exists: false does not match a message without any attribute',
      run: (place) => lets(place, { FilterPolicy: '{"k":[{"exists":false}]}' }, { other: text('x') }, {}),
    },
    {
      title: 'a filter on the body looks into nested fields and lists',
      run: (place) => bodyFilter(place, { a: { b: ['x'] } }, '{"a":{"b":["w","x"]}}', '{"a":{"b":["w"]}}'),
    },
    {
      title: 'a filter on the body never matches a body that is no JSON',
      run: (place) => bodyFilter(place, { a: [{ exists: false }] }, '{"b":1}', 'plain'),
    },
    {
      title: 'a filter policy whose values are no lists is refused',
      run: async (place) => {
        const queue = await openQueue(place);
        const given = { TopicArn: await makeTopic(place), Protocol: 'sqs', Endpoint: queue.arn };
        await expect(subscribe(place, given, { FilterPolicy: '{"k":"a"}' })).rejects.toMatchObject({
          name: 'InvalidParameterException',
        });
      },
    },
    {
      title: 'a function gets one record of a topic',
      run: async (place) => {
        const TopicArn = await makeTopic(place);
        const { name, arn } = place.fn('probe');
        await place.allow(name, 'sns.amazonaws.com', TopicArn);
        const subscription = await subscribe(place, { TopicArn, Protocol: 'lambda', Endpoint: arn });
        await publish(place, TopicArn, '{"n":7}', { a: text('b') });
        await eventually('the function is called', async () => (await place.sightings(TopicArn)).length > 0);
        const [seen] = await place.sightings(TopicArn);
        expect(seen?.event).toMatchObject({
          Records: [
            {
              EventSource: 'aws:sns',
              EventVersion: '1.0',
              EventSubscriptionArn: subscription,
              Sns: {
                Type: 'Notification',
                TopicArn,
                Subject: null,
                Message: '{"n":7}',
                MessageAttributes: { a: { Type: 'String', Value: 'b' } },
              },
            },
          ],
        });
      },
    },
    {
      title: 'what a subscription cannot deliver goes to its dead-letter queue',
      run: async (place) => {
        const TopicArn = await makeTopic(place);
        const dead = await openQueue(place);
        const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn });
        const Endpoint = `${dead.arn}-gone`;
        await subscribe(place, { TopicArn, Protocol: 'sqs', Endpoint }, { ...RAW, RedrivePolicy });
        await publish(place, TopicArn, 'undeliverable');
        expect((await received(place, dead, 1)).map(({ Body }) => Body)).toEqual(['undeliverable']);
      },
    },
    {
      title: 'a FIFO topic keeps the order in a FIFO queue, and delivers a repeat once',
      run: async (place) => {
        const TopicArn = await makeTopic(place, '.fifo');
        const queue = await openQueue(place, { FifoQueue: 'true' });
        await subscribe(place, { TopicArn, Protocol: 'sqs', Endpoint: queue.arn }, RAW);
        for (const [Message, id] of [
          ['1', 'a'],
          ['2', 'b'],
          ['2', 'b'],
          ['3', 'c'],
        ] as const)
          await place.sns.send(
            new PublishCommand({ TopicArn, Message, MessageGroupId: 'g', MessageDeduplicationId: id }),
          );
        expect((await received(place, queue, 3)).map(({ Body }) => Body)).toEqual(['1', '2', '3']);
      },
    },
    {
      title: 'with the structure json each protocol gets its own text',
      run: async (place) => {
        const { TopicArn, queue } = await fed(place, RAW);
        const Message = JSON.stringify({ default: 'for others', sqs: 'for queues' });
        await place.sns.send(new PublishCommand({ TopicArn, Message, MessageStructure: 'json' }));
        expect((await received(place, queue, 1)).map(({ Body }) => Body)).toEqual(['for queues']);
        const structured = new PublishCommand({ TopicArn, Message: '{"sqs":"x"}', MessageStructure: 'json' });
        await expect(place.sns.send(structured)).rejects.toMatchObject({ name: 'InvalidParameterException' });
      },
    },
    {
      title: 'a batch is published entry by entry; one id twice is refused',
      run: async (place) => {
        const { TopicArn, queue } = await fed(place, RAW);
        const entries = (ids: readonly string[]) => ids.map((Id) => ({ Id, Message: Id }));
        const send = (ids: readonly string[]) =>
          place.sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries(ids) }));
        const { Successful = [] } = await send(['a', 'b']);
        expect(Successful.map(({ Id }) => Id)).toEqual(['a', 'b']);
        const bodies = (await received(place, queue, 2)).map(({ Body }) => Body);
        expect(bodies).toHaveLength(2);
        expect(bodies).toEqual(expect.arrayContaining(['a', 'b']));
        await expect(send(['a', 'a'])).rejects.toMatchObject({ name: 'BatchEntryIdsNotDistinctException' });
      },
    },
  ],
};

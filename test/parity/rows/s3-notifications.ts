import { randomUUID } from 'node:crypto';
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  type Event,
  type NotificationConfiguration,
} from '@aws-sdk/client-s3';
import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import { SetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import type { ParityPlace, ParityQueue } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually } from '../wait.ts';

interface S3Record {
  readonly eventName: string;
  readonly s3: {
    readonly bucket: { readonly name: string };
    readonly object: { readonly key: string; readonly size?: number; readonly sequencer: string };
  };
}

const makeBucket = async (place: ParityPlace): Promise<string> => {
  const Bucket = `parity-${randomUUID()}`;
  await place.s3.send(new CreateBucketCommand({ Bucket }));
  return Bucket;
};

const openQueue = async (place: ParityPlace): Promise<ParityQueue> => {
  const queue = await place.queue({ VisibilityTimeout: '60' });
  const Statement = [{ Effect: 'Allow', Principal: '*', Action: 'sqs:SendMessage', Resource: queue.arn }];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await place.sqs.send(new SetQueueAttributesCommand({ QueueUrl: queue.url, Attributes: { Policy } }));
  return queue;
};

const configure = (place: ParityPlace, Bucket: string, NotificationConfiguration: NotificationConfiguration) =>
  place.s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));

const put = (place: ParityPlace, Bucket: string, Key: string, Body = 'body') =>
  place.s3.send(new PutObjectCommand({ Bucket, Key, Body }));

/** Takes until so many bodies have come. */
const bodies = async (place: ParityPlace, queue: ParityQueue, count: number): Promise<readonly string[]> => {
  const found: string[] = [];
  await eventually(`${count} messages`, async () => {
    found.push(...(await place.take(queue)).map(({ Body = '' }) => Body));
    return found.length >= count;
  });
  return found;
};

const recordsIn = (found: readonly string[]): readonly S3Record[] =>
  found.flatMap((body) => (JSON.parse(body) as { readonly Records?: readonly S3Record[] }).Records ?? []);

/** A bucket that tells a queue, whose test message has been taken. */
const told = async (
  place: ParityPlace,
  Events: Event[],
  filter: readonly (readonly ['prefix' | 'suffix', string])[] = [],
) => {
  const Bucket = await makeBucket(place);
  const queue = await openQueue(place);
  const FilterRules = filter.map(([Name, Value]) => ({ Name, Value }));
  const configuration = {
    QueueArn: queue.arn,
    Events,
    ...(filter.length === 0 ? {} : { Filter: { Key: { FilterRules } } }),
  };
  await configure(place, Bucket, { QueueConfigurations: [configuration] });
  const [test = ''] = await bodies(place, queue, 1);
  return { Bucket, queue, test };
};

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html */
export const s3Notifications: RowGroup = {
  subject: 'S3 → SQS, SNS, Lambda, EventBridge',
  rows: [
    {
      title: 'a queue is sent s3:TestEvent when a bucket is to notify it',
      run: async (place) => {
        const { Bucket, test } = await told(place, ['s3:ObjectCreated:*']);
        expect(JSON.parse(test)).toMatchObject({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket });
      },
    },
    {
      title: 'a put object is told with its size and its URL-encoded key',
      run: async (place) => {
        const { Bucket, queue } = await told(place, ['s3:ObjectCreated:*']);
        const { ETag = '' } = await put(place, Bucket, 'a folder/ü (1).txt', '12345');
        const [record] = recordsIn(await bodies(place, queue, 1));
        expect(record).toMatchObject({
          eventSource: 'aws:s3',
          awsRegion: place.region,
          eventName: 'ObjectCreated:Put',
          s3: {
            s3SchemaVersion: '1.0',
            bucket: { name: Bucket, arn: `arn:aws:s3:::${Bucket}` },
            object: { size: 5, eTag: ETag.replaceAll('"', '') },
          },
        });
        expect(record?.s3.object.key).toMatch(/^a\+folder\/%C3%BC\+(\(1\)|%281%29)\.txt$/);
      },
    },
    {
      title: 'copies and removals are told apart from puts',
      run: async (place) => {
        const { Bucket, queue } = await told(place, ['s3:ObjectCreated:*', 's3:ObjectRemoved:*']);
        await put(place, Bucket, 'one');
        await place.s3.send(new CopyObjectCommand({ Bucket, Key: 'two', CopySource: `${Bucket}/one` }));
        await place.s3.send(new DeleteObjectCommand({ Bucket, Key: 'one' }));
        const records = recordsIn(await bodies(place, queue, 3));
        const seen = records.map(({ eventName, s3 }) => `${eventName} ${s3.object.key}`);
        expect(seen.toSorted()).toEqual([
          'ObjectCreated:Copy two',
          'ObjectCreated:Put one',
          'ObjectRemoved:Delete one',
        ]);
        const removed = records.find(({ eventName }) => eventName === 'ObjectRemoved:Delete');
        expect(removed?.s3.object).not.toHaveProperty('size');
      },
    },
    {
      title: 'only keys with the prefix and the suffix are told',
      run: async (place) => {
        const filter = [
          ['prefix', 'in/'],
          ['suffix', '.jpg'],
        ] as const;
        const { Bucket, queue } = await told(place, ['s3:ObjectCreated:Put'], filter);
        for (const key of ['in/a.png', 'out/a.jpg', 'in/a.jpg']) await put(place, Bucket, key);
        expect(recordsIn(await bodies(place, queue, 1)).map(({ s3 }) => s3.object.key)).toEqual(['in/a.jpg']);
      },
    },
    {
      title: 'the sequencer of one key rises',
      run: async (place) => {
        const { Bucket, queue } = await told(place, ['s3:ObjectCreated:*']);
        for (const body of ['a', 'bb', 'ccc']) await put(place, Bucket, 'key', body);
        const records = recordsIn(await bodies(place, queue, 3));
        const width = Math.max(...records.map(({ s3 }) => s3.object.sequencer.length));
        const inOrder = records.toSorted((a, b) =>
          a.s3.object.sequencer.padStart(width, '0') < b.s3.object.sequencer.padStart(width, '0') ? -1 : 1,
        );
        expect(inOrder.map(({ s3 }) => s3.object.size)).toEqual([1, 2, 3]);
      },
    },
    {
      title: 'a function is called with the record',
      run: async (place) => {
        const Bucket = await makeBucket(place);
        const { name, arn } = place.fn('probe');
        await place.allow(name, 's3.amazonaws.com', `arn:aws:s3:::${Bucket}`);
        await configure(place, Bucket, {
          LambdaFunctionConfigurations: [{ LambdaFunctionArn: arn, Events: ['s3:ObjectCreated:*'] }],
        });
        await put(place, Bucket, 'key');
        await eventually('the function is called', async () => (await place.sightings(Bucket)).length > 0);
        const [seen] = await place.sightings(Bucket);
        expect(seen?.event).toMatchObject({
          Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: { object: { key: 'key', size: 4 } } }],
        });
      },
    },
    {
      title: 'a topic is published to',
      run: async (place) => {
        const { TopicArn = '' } = await place.sns.send(new CreateTopicCommand({ Name: `parity-${randomUUID()}` }));
        const queue = await openQueue(place);
        const Attributes = { RawMessageDelivery: 'true' };
        await place.sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: queue.arn, Attributes }));
        const Bucket = await makeBucket(place);
        await configure(place, Bucket, { TopicConfigurations: [{ TopicArn, Events: ['s3:ObjectCreated:*'] }] });
        await put(place, Bucket, 'key');
        expect(recordsIn(await bodies(place, queue, 2)).map(({ s3 }) => s3.bucket.name)).toEqual([Bucket]);
      },
    },
    {
      title: 'EventBridge gets Object Created with the key as it is',
      run: async (place) => {
        const Bucket = await makeBucket(place);
        const queue = await openQueue(place);
        const Name = `parity-${randomUUID()}`;
        const EventPattern = JSON.stringify({ source: ['aws.s3'], detail: { bucket: { name: [Bucket] } } });
        await place.events.send(new PutRuleCommand({ Name, EventPattern }));
        await place.events.send(new PutTargetsCommand({ Rule: Name, Targets: [{ Id: 'queue', Arn: queue.arn }] }));
        await configure(place, Bucket, { EventBridgeConfiguration: {} });
        await put(place, Bucket, 'a b');
        const [event = ''] = await bodies(place, queue, 1);
        expect(JSON.parse(event)).toMatchObject({
          source: 'aws.s3',
          'detail-type': 'Object Created',
          resources: [`arn:aws:s3:::${Bucket}`],
          detail: { version: '0', bucket: { name: Bucket }, object: { key: 'a b', size: 4 }, reason: 'PutObject' },
        });
      },
    },
    {
      title: 'two configurations whose keys and events overlap are refused',
      run: async (place) => {
        const Bucket = await makeBucket(place);
        const [one, other] = [await openQueue(place), await openQueue(place)];
        const events: readonly Event[] = ['s3:ObjectCreated:*', 's3:ObjectCreated:Put'];
        const QueueConfigurations = [one, other].map(({ arn }, index) => ({
          QueueArn: arn,
          Events: events.slice(index, index + 1),
        }));
        await expect(configure(place, Bucket, { QueueConfigurations })).rejects.toMatchObject({
          name: 'InvalidArgument',
        });
      },
    },
    {
      title: 'a queue that is not there is refused',
      run: async (place) => {
        const Bucket = await makeBucket(place);
        const QueueArn = `${(await openQueue(place)).arn}-gone`;
        const configuration = { QueueConfigurations: [{ QueueArn, Events: ['s3:ObjectCreated:*' as const] }] };
        await expect(configure(place, Bucket, configuration)).rejects.toMatchObject({ name: 'InvalidArgument' });
      },
    },
  ],
};

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  GetItemCommand,
  PutItemCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import {
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import type { ParityPlace } from '../place.ts';
import type { RowGroup } from '../row.ts';

const CONCURRENT = 50;
const TableName = 'parity-local-sightings';
const keyOfOwn = (): Record<string, AttributeValue> => ({ pk: { S: `row-${randomUUID()}` }, sk: { S: 'x' } });
const many = Array.from({ length: CONCURRENT }, (_, n) => n);
const itemAt = async (place: ParityPlace, Key: Record<string, AttributeValue>) =>
  (await place.dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;

/** What other stand-ins got wrong, each by an issue of its own: the patterns rest on these. */
export const knownFaults: RowGroup = {
  subject: 'Known faults of stand-ins',
  rows: [
    {
      title: 'of 50 conditional puts at once exactly one wins, and the others see whose it is',
      run: async (place) => {
        const key = keyOfOwn();
        const tries = await Promise.all(
          many.map((n) =>
            place.dynamodb
              .send(
                new PutItemCommand({
                  TableName,
                  Item: { ...key, n: { N: String(n) } },
                  ConditionExpression: 'attribute_not_exists(pk)',
                  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
                }),
              )
              .then(
                () => ({ won: n }),
                (error: { name: string; Item?: Record<string, AttributeValue> }) => error,
              ),
          ),
        );
        const winners = tries.filter((each) => 'won' in each);
        expect(winners).toHaveLength(1);
        const stored = await itemAt(place, key);
        for (const lost of tries.filter((each) => !('won' in each)))
          expect(lost).toMatchObject({ name: 'ConditionalCheckFailedException', Item: stored });
      },
    },
    {
      title: 'of 50 ADDs at once none is lost',
      run: async (place) => {
        const Key = keyOfOwn();
        await Promise.all(
          many.map(() =>
            place.dynamodb.send(
              new UpdateItemCommand({
                TableName,
                Key,
                UpdateExpression: 'ADD n :one',
                ExpressionAttributeValues: { ':one': { N: '1' } },
              }),
            ),
          ),
        );
        expect((await itemAt(place, Key))?.['n']).toEqual({ N: String(CONCURRENT) });
      },
    },
    {
      title: 'a cancelled transaction writes nothing, and says in order why, with the item that was in the way',
      run: async (place) => {
        const [free, taken] = [keyOfOwn(), keyOfOwn()];
        const old = { ...taken, n: { N: '1' } };
        await place.dynamodb.send(new PutItemCommand({ TableName, Item: old }));
        const put = (Item: Record<string, AttributeValue>) => ({
          Put: {
            TableName,
            Item,
            ConditionExpression: 'attribute_not_exists(pk)',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
          },
        });
        const TransactItems = [put(free), put(taken)];
        await expect(place.dynamodb.send(new TransactWriteItemsCommand({ TransactItems }))).rejects.toMatchObject({
          name: 'TransactionCanceledException',
          CancellationReasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed', Item: old }],
        });
        expect(await itemAt(place, free)).toBeUndefined();
      },
    },
    {
      title: 'an empty batch of deletes is refused',
      run: async (place) => {
        const { url: QueueUrl } = await place.queue();
        await expect(place.sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries: [] }))).rejects.toMatchObject({
          name: expect.stringMatching(/EmptyBatchRequest|EmptyBatchRequestException/u),
        });
      },
    },
    {
      title: 'a batch of more than ten messages is refused as a whole',
      run: async (place) => {
        const queue = await place.queue();
        const Entries = Array.from({ length: 11 }, (_, n) => ({ Id: String(n), MessageBody: 'x' }));
        await expect(
          place.sqs.send(new SendMessageBatchCommand({ QueueUrl: queue.url, Entries })),
        ).rejects.toMatchObject({ name: expect.stringContaining('TooManyEntriesInBatchRequest') });
        expect(await place.depth(queue)).toBe(0);
      },
    },
    {
      title: 'FIFO: a receipt whose visibility has ended deletes nothing, and is refused',
      run: async (place) => {
        const queue = await place.queue({ FifoQueue: 'true', VisibilityTimeout: '1' });
        await place.send(queue, [{ n: 1, groupId: 'g' }]);
        const { Messages = [] } = await place.sqs.send(new ReceiveMessageCommand({ QueueUrl: queue.url }));
        await sleep(1_500);
        const [message] = Messages;
        await expect(
          place.sqs.send(
            new DeleteMessageCommand({ QueueUrl: queue.url, ReceiptHandle: message?.ReceiptHandle ?? '' }),
          ),
        ).rejects.toMatchObject({ name: expect.stringMatching(/InvalidParameterValue/u) });
        expect(await place.depth(queue)).toBe(1);
      },
    },
    {
      title: 'FIFO: a receive gives several messages of one group, in order',
      run: async (place) => {
        const queue = await place.queue({ FifoQueue: 'true', VisibilityTimeout: '30' });
        await place.send(
          queue,
          [1, 2, 3].map((n) => ({ n, groupId: 'g' })),
        );
        const bodies = (await place.take(queue)).map(({ Body }) => Body);
        expect(bodies).toEqual([1, 2, 3].map((n) => JSON.stringify({ n })));
      },
    },
  ],
};

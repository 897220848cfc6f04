import { randomUUID } from 'node:crypto';
import { DynamoDBClient, PutItemCommand, QueryCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { identifierOf, keyOf, ordersIn, type ProbeEvent, type ProbeOrder } from './orders.ts';

/** What fits into an item with everything around it. */
const MAX_KEPT_CHARS = 100_000;

/** Longer than any timeout of a probe. */
const HANG_MS = 60_000;

const table = process.env['SIGHTINGS_TABLE'] ?? '';
const dynamodb = new DynamoDBClient({});

/** Notes the invocation down; the returned function notes its end. */
const note = async (event: ProbeEvent, numbers: readonly number[], requestId: string): Promise<() => Promise<void>> => {
  const startedAtMs = Date.now();
  const kept = JSON.stringify(event);
  const Key = { pk: { S: keyOf(event) }, sk: { S: `${startedAtMs}#${randomUUID()}` } };
  await dynamodb.send(
    new PutItemCommand({
      TableName: table,
      Item: {
        ...Key,
        functionName: { S: process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? '' },
        requestId: { S: requestId },
        startedAtMs: { N: String(startedAtMs) },
        numbers: { S: JSON.stringify(numbers) },
        ...(kept.length > MAX_KEPT_CHARS ? {} : { event: { S: kept } }),
      },
    }),
  );
  return async () => {
    await dynamodb.send(
      new UpdateItemCommand({
        TableName: table,
        Key,
        UpdateExpression: 'SET endedAtMs = :now',
        ExpressionAttributeValues: { ':now': { N: String(Date.now()) } },
      }),
    );
  };
};

/** How often the probe saw `n` under this key, this time included. */
const timesSeen = async (key: string, n: number | undefined): Promise<number> => {
  const { Items = [] } = await dynamodb.send(
    new QueryCommand({
      TableName: table,
      KeyConditionExpression: 'pk = :key',
      ExpressionAttributeValues: { ':key': { S: key } },
      ConsistentRead: true,
    }),
  );
  return Items.filter(({ numbers }) => (JSON.parse(numbers?.S ?? '[]') as unknown[]).includes(n ?? -1)).length;
};

const dueAmong = async (event: ProbeEvent, orders: readonly ProbeOrder[]): Promise<readonly boolean[]> =>
  Promise.all(
    orders.map(async ({ then, n, times }, index) => {
      if (then === undefined) return false;
      if (times === undefined) return true;
      const receives = event.Records?.[index]?.attributes?.['ApproximateReceiveCount'];
      return (receives === undefined ? await timesSeen(keyOf(event), n) : Number(receives)) <= times;
    }),
  );

const answerTo = async (event: ProbeEvent, orders: readonly ProbeOrder[]): Promise<unknown> => {
  const due = await dueAmong(event, orders);
  const misbehaving = orders.filter((_, index) => due[index]);
  const takesMs = misbehaving.some(({ then }) => then === 'hang')
    ? HANG_MS
    : Math.max(0, ...orders.map((order) => order.takesMs ?? 0));
  if (takesMs > 0) await new Promise((resolve) => setTimeout(resolve, takesMs));
  if (misbehaving.some(({ then }) => then === 'fail')) throw new TypeError('as the order says');
  const spoken = misbehaving.find(({ then }) => then === 'answer');
  if (spoken !== undefined) return spoken.answer;
  if (event.Records === undefined) return { ok: true, n: orders[0]?.n };
  const failed = event.Records.filter((_, index) => due[index] && orders[index]?.then === 'report');
  return { batchItemFailures: failed.map((record) => ({ itemIdentifier: identifierOf(record) })) };
};

/** Does what the event says, and notes down that it was called. */
export const handler = async (event: ProbeEvent, context: { readonly awsRequestId: string }): Promise<unknown> => {
  const orders = ordersIn(event);
  const end = await note(
    event,
    orders.map(({ n }) => n ?? -1),
    context.awsRequestId,
  );
  try {
    return await answerTo(event, orders);
  } finally {
    await end();
  }
};

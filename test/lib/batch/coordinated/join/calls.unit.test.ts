import { joinWorld, namesOf } from './world.ts';

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

test('a join of n branches costs 2 n + 6 calls: an update and a read each; 2 to make it, 1 to know it, 3 to end it', async () => {
  const { api, until, wire } = joinWorld();
  await until(api.create('j', { branches: namesOf(20) }));
  for (const name of namesOf(20)) await until(api.arrive('j', name));
  expect(wire.counts()).toEqual({
    'sqs.SendMessageBatch': 1,
    // To make it, and to fire.
    'dynamodb.TransactWriteItems': 2,
    'dynamodb.GetItem': 1,
    // One for each arrival, and that its event was published.
    'dynamodb.UpdateItem': 21,
    'dynamodb.BatchGetItem': 20,
    'events.PutEvents': 1,
  });
  expect(sumOf(wire.counts())).toBe(2 * 20 + 6);
});

test('a duplicate costs 2, data 3 more, and when all was said the watch costs 1 read', async () => {
  const { api, until, wire, pass } = joinWorld();
  await until(api.create('j', { branches: ['a', 'b'] }));
  await until(api.arrive('j', 'a'));
  wire.resetCounts();
  await until(api.arrive('j', 'a'));
  expect(sumOf(wire.counts())).toBe(2);
  wire.resetCounts();
  await until(api.arrive('j', 'b', { some: 'data' }));
  expect(sumOf(wire.counts())).toBe(2 + 3 + 3);
  wire.resetCounts();
  await pass(6_000);
  const { 'sqs.ReceiveMessage.empty': _, ...counts } = wire.counts();
  expect(counts).toMatchObject({ 'dynamodb.GetItem': 2, 'sqs.ReceiveMessage': 1, 'sqs.DeleteMessageBatch': 1 });
});

test.each([200, 2_000])(
  'the calls of a branch do not grow with their number: %i',
  async (count) => {
    const { api, until, wire, arriveAll } = joinWorld();
    await until(api.create('j', { branches: namesOf(count) }));
    await arriveAll('j', namesOf(count));
    const { 'dynamodb.UpdateItem': updates = 0, 'dynamodb.BatchGetItem': reads = 0, ...rest } = wire.counts();
    const buckets = Math.min(96, Math.ceil(count / 64));
    expect(reads).toBe(count);
    // One for each arrival, one for each bucket that is complete, and that the event was published.
    expect(updates).toBe(count + buckets + 1);
    expect(sumOf(rest)).toBe(1 + 2 + 1 + 1 + buckets);
  },
  120_000,
);

import type { Invoke } from '../../../localstack/event-sources/invocation.ts';
import { eventually } from '../../parity/wait.ts';
import { keysOf, recordsOf, startStreamWorld, type StreamWorld } from '../../support/stream-world.ts';

let it: StreamWorld;
beforeEach(async () => {
  it = await startStreamWorld();
});
afterEach(() => it.close());

const OK = { status: 'answered', payload: 'null' } as const;
const FAILED = { status: 'failed', errorType: 'Error', message: 'as the test says' } as const;

/** A function that notes the keys of each batch down, and answers as it is told. */
const noting = (answer: (keys: readonly string[], payload: string) => Awaited<ReturnType<Invoke>> = () => OK) => {
  const seen: (readonly string[])[] = [];
  const invoke: Invoke = async (_, payload) => {
    const keys = keysOf(payload);
    seen.push(keys);
    return answer(keys, payload);
  };
  return { seen, invoke };
};

const putAll = async (table: string, keys: readonly string[]): Promise<void> => {
  for (const pk of keys) await it.put(table, pk);
};

test('records come in order, with region, unique ids and numbers of 21 digits', async () => {
  const { name, streamArn } = await it.table();
  await putAll(name, ['a', 'b']);
  await it.remove(name, 'a');
  const payloads: string[] = [];
  it.map(streamArn);
  it.start({
    invoke: async (_, payload) => {
      payloads.push(payload);
      return OK;
    },
  });
  await eventually('three records', () => payloads.flatMap(recordsOf).length === 3);
  const records = payloads.flatMap(recordsOf);
  expect(records.map(({ eventName }) => eventName)).toEqual(['INSERT', 'INSERT', 'REMOVE']);
  expect(new Set(records.map(({ awsRegion, eventSourceARN }) => `${awsRegion} ${eventSourceARN}`))).toEqual(
    new Set([`us-east-1 ${streamArn}`]),
  );
  expect(new Set(records.map(({ eventID }) => eventID)).size).toBe(3);
  expect(records.every(({ dynamodb }) => dynamodb.SequenceNumber.length === 21)).toBe(true);
});

test('a batch that fails comes again, and nothing overtakes it', async () => {
  const { name, streamArn } = await it.table();
  await putAll(name, ['a', 'b', 'c']);
  let failures = 0;
  const { seen, invoke } = noting((keys) => {
    if (!keys.includes('b') || failures === 2) return OK;
    failures += 1;
    return FAILED;
  });
  it.map(streamArn, {}, { batchSize: 2 });
  it.start({ invoke });
  await eventually('the last came', () => seen.flat().includes('c'));
  expect(seen).toEqual([['a', 'b'], ['a', 'b'], ['a', 'b'], ['c']]);
});

test('a report brings all from the lowest reported record on again', async () => {
  const { name, streamArn } = await it.table();
  await putAll(name, ['a', 'b', 'c']);
  let reported = false;
  const { seen, invoke } = noting((_, payload) => {
    if (reported) return OK;
    reported = true;
    const ids = recordsOf(payload).map(({ dynamodb }) => dynamodb.SequenceNumber);
    const failures = [ids[2], ids[1]].map((itemIdentifier) => ({ itemIdentifier }));
    return { status: 'answered', payload: JSON.stringify({ batchItemFailures: failures }) };
  });
  it.map(streamArn, {}, { reportBatchItemFailures: true });
  it.start({ invoke });
  await eventually('it came again', () => seen.length === 2);
  expect(seen).toEqual([
    ['a', 'b', 'c'],
    ['b', 'c'],
  ]);
});

test('halving isolates the record that fails; what is given up is told to the destination, and the rest succeeds', async () => {
  const { name, streamArn } = await it.table();
  const queue = await it.queue();
  await putAll(name, ['a', 'b', 'bad', 'c', 'd']);
  const { seen, invoke } = noting((keys) => (keys.includes('bad') ? FAILED : OK));
  it.map(streamArn, { bisectBatchOnFunctionError: true, maximumRetryAttempts: 1, onFailureArn: queue.arn });
  it.start({ invoke });
  const told: string[] = [];
  await eventually('the destination is told', async () => told.push(...(await queue.take())) > 0);
  await eventually('the last came', () => seen.some((keys) => keys.includes('d') && !keys.includes('bad')));
  expect(seen.filter((keys) => !keys.includes('bad')).flat()).toEqual(['a', 'b', 'c', 'd']);
  // One try beyond the first of the record alone: halving is no try.
  expect(seen.filter((keys) => keys.length === 1 && keys[0] === 'bad')).toHaveLength(2);
  expect(told.map((body) => JSON.parse(body) as unknown)).toEqual([
    expect.objectContaining({
      requestContext: expect.objectContaining({ condition: 'RetryAttemptsExhausted' }) as unknown,
      version: '1.0',
      DDBStreamBatchInfo: expect.objectContaining({ batchSize: 1, streamArn }) as unknown,
    }),
  ]);
});

test('lanes run at once, and the records of each item stay in order', async () => {
  const { name, streamArn } = await it.table();
  const keys = ['a', 'b', 'c', 'd', 'e', 'f'];
  for (const n of [1, 2, 3]) for (const pk of keys) await it.put(name, pk, { n: { N: String(n) } });
  let running = 0;
  let most = 0;
  const changes: string[] = [];
  it.map(streamArn, { parallelizationFactor: 10 }, { batchSize: 1 });
  it.start({
    invoke: async (_, payload) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 20));
      for (const { dynamodb } of recordsOf(payload)) changes.push(JSON.stringify(dynamodb.NewImage));
      running -= 1;
      return OK;
    },
    capCount: 4,
  });
  await eventually('all changes came', () => changes.length === 18);
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(4);
  for (const pk of keys) {
    const numbers = changes
      .map(
        (change) => JSON.parse(change) as { readonly pk: { readonly S: string }; readonly n: { readonly N: string } },
      )
      .filter((image) => image.pk.S === pk)
      .map((image) => image.n.N);
    expect(numbers).toEqual(['1', '2', '3']);
  }
});

test('LATEST begins where the mapping became ready, and goes on there when it was disabled meanwhile', async () => {
  const { name, streamArn } = await it.table();
  await it.put(name, 'before');
  const { seen, invoke } = noting();
  it.start({ invoke });
  const uuid = it.map(streamArn, { startingPosition: 'LATEST' });
  await eventually('it is ready', () => it.endpoint.mappings.isReady(uuid));
  it.map(streamArn, { startingPosition: 'LATEST' }, { uuid, enabled: false });
  await putAll(name, ['while it was off']);
  it.map(streamArn, { startingPosition: 'LATEST' }, { uuid });
  await putAll(name, ['after']);
  await eventually('both came', () => seen.flat().length === 2);
  expect(seen.flat()).toEqual(['while it was off', 'after']);
});

test('a host that dies with batches in flight, again and again, loses nothing and mixes nothing up', async () => {
  const { name, streamArn } = await it.table();
  const keys = Array.from({ length: 40 }, (_, index) => `item-${String(index).padStart(2, '0')}`);
  let up = true;
  let calls = 0;
  const done: string[] = [];
  it.map(streamArn, {}, { batchSize: 3 });
  it.start({
    hostIsUp: () => up,
    invoke: async (_, payload) => {
      calls += 1;
      if (calls % 3 === 0) {
        // Killed while it worked: what it did is unknown, and it is away for a while.
        up = false;
        setTimeout(() => {
          up = true;
        }, 50);
        throw new Error('socket hang up');
      }
      done.push(...keysOf(payload));
      return OK;
    },
  });
  await putAll(name, keys);
  await eventually('all are done', () => done.length >= keys.length);
  expect(done).toEqual(keys);
});

test('what is in flight when event sources stop is waited for; what was not done comes with the next poller', async () => {
  const { name, streamArn } = await it.table();
  await putAll(name, ['a', 'b']);
  const release = Promise.withResolvers<void>();
  const { seen, invoke } = noting();
  const uuid = it.map(streamArn, {}, { batchSize: 1 });
  let ended = 0;
  it.start({
    invoke: async (fn, payload) => {
      const answer = await invoke(fn, payload);
      await release.promise;
      ended += 1;
      return answer;
    },
  });
  await eventually('it runs', () => seen.length === 1);
  it.map(streamArn, {}, { uuid, batchSize: 10 });
  expect(seen).toEqual([['a']]);
  release.resolve();
  await eventually('the other came', () => ended === 2);
  expect(seen).toEqual([['a'], ['b']]);
});

test('filters: what does not match is passed over', async () => {
  const { name, streamArn } = await it.table();
  await putAll(name, ['a', 'b']);
  await it.remove(name, 'a');
  const { seen, invoke } = noting();
  it.map(streamArn, {}, { filterPatterns: ['{"eventName":["REMOVE"]}'] });
  it.start({ invoke });
  await eventually('the removal came', () => seen.length > 0);
  expect(seen).toEqual([['a']]);
});

test('a table that takes the name of one that is gone has a stream of its own', async () => {
  const { name, streamArn } = await it.table();
  await it.put(name, 'of the former');
  const { CreateTableCommand, DeleteTableCommand, DescribeTableCommand } = await import('@aws-sdk/client-dynamodb');
  const { Table } = await it.dynamodb.send(new DescribeTableCommand({ TableName: name }));
  await it.dynamodb.send(new DeleteTableCommand({ TableName: name }));
  const { TableDescription } = await it.dynamodb.send(
    new CreateTableCommand({
      TableName: name,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: Table?.AttributeDefinitions,
      KeySchema: Table?.KeySchema,
      StreamSpecification: Table?.StreamSpecification,
    }),
  );
  const next = TableDescription?.LatestStreamArn ?? '';
  expect(next).not.toBe(streamArn);
  await it.put(name, 'of the latter');
  const { seen, invoke } = noting();
  it.map(next);
  it.start({ invoke });
  await eventually('a record came', () => seen.length > 0);
  expect(seen.flat()).toEqual(['of the latter']);
});

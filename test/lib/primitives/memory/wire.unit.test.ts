import { OutcomeUnknownError } from '#primitives/errors';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { absent } from '#primitives/table';

const key = (sort: string) => ({ partition: 'p', sort });
const messages = (count: number) => Array.from({ length: count }, (_, n) => ({ body: `${n}` }));

const place = (intercept?: Intercept) => {
  const clock = memoryClock();
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  return {
    clock,
    wire,
    queue: memoryQueue({ name: 'q', clock, wire }),
    table: memoryTable({ name: 't', clock, wire }),
    bus: memoryBus({ name: 'b', clock, wire }),
    objects: memoryObjects({ name: 'o', wire }),
  };
};

test('counts the calls that the AWS backend would make, and tells empty receives apart', async () => {
  const { wire, queue, table, bus, objects } = place();
  await queue.sendBatch(messages(25));
  const received = [...(await queue.receive({ maxCount: 10 })), ...(await queue.receive({ maxCount: 10 }))];
  await queue.receive({ maxCount: 10 });
  await queue.receive({ maxCount: 10 });
  await queue.deleteBatch(received.map(({ receipt }) => receipt));
  await table.transact([{ kind: 'put', key: key('a'), fields: {} }]);
  await table.getMany([key('a'), key('b')]);
  await bus.publish(Array.from({ length: 11 }, () => ({ source: 's', type: 't', detail: {} })));
  await objects.put('k', new Uint8Array());
  expect(wire.counts()).toEqual({
    'dynamodb.BatchGetItem': 1,
    'dynamodb.TransactWriteItems': 1,
    'events.PutEvents': 2,
    's3.PutObject': 1,
    'sqs.DeleteMessageBatch': 2,
    'sqs.ReceiveMessage': 3,
    'sqs.ReceiveMessage.empty': 1,
    'sqs.SendMessageBatch': 3,
  });
  wire.resetCounts();
  expect(wire.counts()).toEqual({});
});

test('an interceptor can stop a call before it is applied, or after', async () => {
  const crash = new Error('crash');
  let isBefore = true;
  const { queue, table } = place(async (operation, apply) => {
    if (!operation.isWrite) return apply();
    if (!isBefore) await apply();
    throw crash;
  });
  await expect(table.put({ key: key('a'), fields: {} })).rejects.toBe(crash);
  expect(await table.get(key('a'))).toBeUndefined();
  // A crash ends the caller: it is no outcome of an entry.
  await expect(queue.sendBatch(messages(1))).rejects.toBe(crash);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0 });
  isBefore = false;
  await expect(table.put({ key: key('a'), fields: {} })).rejects.toBe(crash);
  expect(await table.get(key('a'))).toEqual({});
});

test('an interceptor can apply a call twice, later, or in part', async () => {
  const clock = memoryClock();
  const wire = memoryWire({
    intercept: async ({ operation }, apply) => {
      if (operation === 'dynamodb.PutItem') {
        // The first attempt lands late: its answer is lost now, it is applied after 5 s.
        void clock.sleep(5000).then(() => apply());
        throw new OutcomeUnknownError(operation);
      }
      if (operation !== 'sqs.SendMessageBatch') return apply();
      await apply(new Set([1]));
      return apply(new Set([1]));
    },
  });
  const queue = memoryQueue({ name: 'q', clock, wire });
  const table = memoryTable({ name: 't', clock, wire });
  expect(await queue.sendBatch(messages(3))).toMatchObject([
    { ok: true },
    { ok: false, retryable: true },
    { ok: true },
  ]);
  const received = await queue.receive({ maxCount: 10 });
  expect(received.map(({ body }) => body)).toEqual(['0', '2', '0', '2']);
  const put = table.put({ key: key('a'), fields: { late: true }, condition: absent() });
  await expect(put).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
  expect(await table.get(key('a'))).toBeUndefined();
  await clock.advance(5000);
  expect(await table.get(key('a'))).toEqual({ late: true });
});

test('an operation names what it is about', async () => {
  const seen: object[] = [];
  const { clock, wire, table } = place((operation, apply) => {
    seen.push(operation);
    return apply();
  });
  const other = memoryTable({ name: 'u', clock, wire });
  const write = { kind: 'put', fields: {} } as const;
  await table.transact([
    { ...write, key: key('a') },
    { ...write, key: key('a'), table: other },
  ]);
  expect(seen).toEqual([
    { primitive: 'table', name: 't,u', operation: 'dynamodb.TransactWriteItems', isWrite: true, entryCount: 2 },
  ]);
});

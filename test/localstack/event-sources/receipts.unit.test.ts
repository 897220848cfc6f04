import { memoryClock } from '#primitives/memory/clock';
import { receiptsOf } from '../../../localstack/event-sources/receipts.ts';
import type { Receipts } from '../../../localstack/event-sources/receipts.ts';
import { SqsCallError } from '../../../localstack/event-sources/sqs-api.ts';
import type { FailedEntry, SqsQueueApi } from '../../../localstack/event-sources/sqs-api.ts';
import { quietLog } from '../../support/probe-log.ts';

type Answer = (receipts: readonly string[], call: number) => Promise<readonly FailedEntry[]>;

const withQueue = (answer: Answer) => {
  const calls: (readonly string[])[] = [];
  const warned: unknown[] = [];
  const clock = memoryClock();
  const unused = (): never => {
    throw new Error('not part of this test');
  };
  const queue: SqsQueueApi = {
    receive: unused,
    visibilityTimeoutS: unused,
    close: () => undefined,
    deleteBatch: (receipts) => {
      calls.push(receipts);
      return answer(receipts, calls.length);
    },
    changeVisibilityBatch: (entries) => {
      calls.push(entries.map(({ receipt, visibilityS }) => `${receipt}:${visibilityS}`));
      return answer(
        entries.map(({ receipt }) => receipt),
        calls.length,
      );
    },
  };
  const log = { ...quietLog, warn: (message: string, fields?: object) => void warned.push({ message, ...fields }) };
  const receipts: Receipts = receiptsOf({ queue, clock, log });
  return { calls, warned, clock, receipts };
};

const names = (count: number, prefix = 'r'): readonly string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${i}`);
const sizes = (calls: readonly (readonly string[])[]): readonly number[] => calls.map((call) => call.length);

test('no receipts, no call', async () => {
  const { calls, receipts } = withQueue(async () => []);
  await receipts.delete([]);
  await receipts.release([]);
  expect(calls).toEqual([]);
});

test('more than ten are deleted ten to a call', async () => {
  const { calls, receipts } = withQueue(async () => []);
  await receipts.delete(names(25));
  expect(sizes(calls)).toEqual([10, 10, 5]);
  expect(new Set(calls.flat()).size).toBe(25);
});

test('deletes that come while one is under way share the next call', async () => {
  const first = Promise.withResolvers<readonly FailedEntry[]>();
  const { calls, receipts } = withQueue((_, call) => (call === 1 ? first.promise : Promise.resolve([])));
  const all = names(7).map((name) => receipts.delete([name]));
  expect(sizes(calls)).toEqual([1]);
  first.resolve([]);
  await Promise.all(all);
  expect(sizes(calls)).toEqual([1, 6]);
});

test('a delete resolves only when its own receipts are settled', async () => {
  const second = Promise.withResolvers<readonly FailedEntry[]>();
  const { receipts } = withQueue((_, call) => (call === 2 ? second.promise : Promise.resolve([])));
  let settled = false;
  await receipts.delete(['a']);
  const slow = receipts.delete(['b']).then(() => {
    settled = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  second.resolve([]);
  await slow;
  expect(settled).toBe(true);
});

test('what failed and may yet succeed is tried again, up to five times, alone; then it is logged', async () => {
  const busy = { receipt: 'r1', reason: 'InternalError', retryable: true };
  const { calls, warned, clock, receipts } = withQueue(async () => [busy]);
  await clock.until(receipts.delete(names(3)));
  expect(calls).toEqual([['r0', 'r1', 'r2'], ['r1'], ['r1'], ['r1'], ['r1']]);
  expect(warned).toEqual([expect.objectContaining({ count: 1, reason: 'InternalError' })]);
});

test('what failed by its own fault is not tried again', async () => {
  const stale = { receipt: 'r1', reason: 'ReceiptHandleIsInvalid', retryable: false };
  const { calls, warned, clock, receipts } = withQueue(async () => [stale]);
  await clock.until(receipts.delete(names(2)));
  expect(sizes(calls)).toEqual([2]);
  expect(warned).toHaveLength(1);
});

test('a call that is lost is tried again as a whole; one that is refused is not', async () => {
  const lost = new SqsCallError('DeleteMessageBatch', 'NoAnswer', 'x', { retryable: true });
  const one = withQueue((_, call) => (call === 1 ? Promise.reject(lost) : Promise.resolve([])));
  await one.clock.until(one.receipts.delete(names(2)));
  expect(sizes(one.calls)).toEqual([2, 2]);
  const refused = new SqsCallError('DeleteMessageBatch', 'QueueDoesNotExist', 'x', { retryable: false });
  const other = withQueue(() => Promise.reject(refused));
  await other.clock.until(other.receipts.delete(names(2)));
  expect(sizes(other.calls)).toEqual([2]);
  expect(other.warned).toHaveLength(1);
});

test('releases carry the seconds of each delivery, ten to a call', async () => {
  const { calls, receipts } = withQueue(async () => []);
  await receipts.release(names(11).map((receipt, visibilityS) => ({ receipt, visibilityS })));
  expect(sizes(calls)).toEqual([10, 1]);
  expect(calls.flat()).toEqual(names(11).map((receipt, i) => `${receipt}:${i}`));
});

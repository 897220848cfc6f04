import { lowestOpen, startShard, stepShard } from '#event-sources/stream-shard';
import type {
  BatchEnd,
  ShardBatch,
  ShardChange,
  ShardItem,
  ShardRules,
  ShardState,
  ShardStep,
} from '#event-sources/stream-shard';

const rules: ShardRules = {
  batchSize: 10,
  windowMs: 0,
  limitBytes: 1000,
  bisect: false,
  maxRetryCount: Number.POSITIVE_INFINITY,
  maxAgeMs: Number.POSITIVE_INFINITY,
};

const item = (n: number, extra: Partial<ShardItem<number>> = {}): ShardItem<number> => ({
  sequenceNumber: String(n),
  lane: 0,
  sizeBytes: 1,
  createdAtMs: 0,
  readAtMs: 0,
  content: n,
  ...extra,
});
const read = (...items: readonly ShardItem<number>[]): ShardChange<number> => ({ kind: 'read', items });
const numbers = (batches: readonly ShardBatch<number>[]): readonly (readonly number[])[] =>
  batches.map(({ items }) => items.map(({ content }) => content));

/** A shard that is stepped by hand; its clocks stand where each step says. */
const shard = (changed: Partial<ShardRules> = {}) => {
  let state: ShardState<number> = startShard();
  const step = (change: ShardChange<number>, nowMs = 0, freeSlotCount = 10): ShardStep<number> => {
    const result = stepShard({ ...rules, ...changed }, state, { ...change, nowMs, wallMs: nowMs, freeSlotCount });
    state = result.state;
    return result;
  };
  const end = (batch: ShardBatch<number> | undefined, how: BatchEnd, nowMs = 0): ShardStep<number> => {
    if (batch === undefined) throw new Error('there is no such batch');
    return step({ kind: 'ended', batch, end: how }, nowMs);
  };
  return { step, end, open: () => lowestOpen(state) };
};

test('a lane has one batch in flight, of at most batchSize records and limitBytes', () => {
  const { step, end } = shard({ batchSize: 2, limitBytes: 5 });
  const first = step(read(item(1), item(2), item(3, { sizeBytes: 4 }), item(4, { sizeBytes: 4 })));
  expect(numbers(first.batches)).toEqual([[1, 2]]);
  expect(numbers(step({ kind: 'tick' }).batches)).toEqual([]);
  const second = end(first.batches[0], { kind: 'done' });
  expect(numbers(second.batches)).toEqual([[3]]);
  expect(numbers(end(second.batches[0], { kind: 'done' }).batches)).toEqual([[4]]);
});

test('a window holds a batch back until it is full or the first record has waited', () => {
  const { step } = shard({ batchSize: 3, windowMs: 1000 });
  const early = step(read(item(1)), 0);
  expect([numbers(early.batches), early.wakeAtMs]).toEqual([[], 1000]);
  expect(numbers(step(read(item(2, { readAtMs: 500 })), 500).batches)).toEqual([]);
  expect(numbers(step({ kind: 'tick' }, 1000).batches)).toEqual([[1, 2]]);
  const { step: other } = shard({ batchSize: 2, windowMs: 1000 });
  expect(numbers(other(read(item(1), item(2))).batches)).toEqual([[1, 2]]);
});

test('a failed batch goes out again as it was, after a pause that doubles up to five seconds', () => {
  const { step, end } = shard();
  let [batch] = step(read(item(1))).batches;
  const pauses: number[] = [];
  for (let nowMs = 0; pauses.length < 8;) {
    const failed = end(batch, { kind: 'failed' }, nowMs);
    expect(failed.batches).toEqual([]);
    const wakeAtMs = failed.wakeAtMs ?? Number.NaN;
    pauses.push(wakeAtMs - nowMs);
    nowMs = wakeAtMs;
    [batch] = step(read(item(100 + pauses.length)), nowMs).batches;
    expect(numbers(batch === undefined ? [] : [batch])).toEqual([[1]]);
  }
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test('after maxRetryCount retries the batch is given up, and the next one goes out', () => {
  const { step, end } = shard({ batchSize: 1, maxRetryCount: 1 });
  const [first] = step(read(item(1), item(2))).batches;
  end(first, { kind: 'failed' });
  const [again] = step({ kind: 'tick' }, 1000).batches;
  const { discards, batches } = end(again, { kind: 'failed' }, 1000);
  expect(discards).toMatchObject([{ condition: 'RetryAttemptsExhausted', batch: { invokeCount: 2 } }]);
  expect(numbers(batches)).toEqual([[2]]);
});

test('what was not handed over counts as no try', () => {
  const { step, end } = shard({ maxRetryCount: 0 });
  const [first] = step(read(item(1))).batches;
  const { batches, discards } = end(first, { kind: 'unstarted' });
  expect([numbers(batches), discards]).toEqual([[[1]], []]);
});

test('a report keeps all from the lowest on', () => {
  const { step, end } = shard();
  const [first] = step(read(item(1), item(2), item(3))).batches;
  end(first, { kind: 'reported', index: 1 });
  expect(numbers(step({ kind: 'tick' }, 1000).batches)).toEqual([[2, 3]]);
});

test('records that are too old are given up before they go out, alone', () => {
  const { step } = shard({ maxAgeMs: 60_000 });
  const { batches, discards } = step(read(item(1, { createdAtMs: 0 }), item(2, { createdAtMs: 50_000 })), 61_000);
  expect(numbers(batches)).toEqual([[2]]);
  expect(discards.map(({ condition, batch }) => [condition, numbers([batch])])).toEqual([['RecordAgeExceeded', [[1]]]]);
});

test('a lane that waits holds up no other, and slots bound all of them', () => {
  const { step, end } = shard({ batchSize: 1 });
  const first = step(read(item(1, { lane: 1 }), item(2, { lane: 2 }), item(3, { lane: 1 })), 0, 1);
  expect(numbers(first.batches)).toEqual([[1]]);
  expect(numbers(step({ kind: 'tick' }).batches)).toEqual([[2]]);
  expect(numbers(end(first.batches[0], { kind: 'failed' }).batches)).toEqual([]);
  expect(numbers(step(read(item(4, { lane: 3 }))).batches)).toEqual([[4]]);
});

test('the lowest number that is open is what is not done, whatever came after it is', () => {
  const { step, end, open } = shard({ batchSize: 1 });
  const { batches } = step(read(item(9, { lane: 1 }), item(10, { lane: 2 }), item(11, { lane: 2 })));
  expect(open()).toBe('9');
  end(batches[1], { kind: 'done' });
  expect(open()).toBe('9');
  end(batches[0], { kind: 'done' });
  expect(open()).toBe('11');
});

import { startBatching, stepBatching } from '#event-sources/batching';
import type { Batching, BatchingChange, BatchingRules, BatchingStep, BatchItem } from '#event-sources/batching';

const standard: BatchingRules = { batchSize: 3, windowMs: 0, limitBytes: 100, fifo: false };
const fifo: BatchingRules = { ...standard, batchSize: 10, fifo: true };

type Item = BatchItem<null>;
const item = (id: string, extra: Partial<Item> = {}): Item => ({
  id,
  sizeBytes: 10,
  receivedAtMs: 0,
  hiddenUntilMs: 30_000,
  content: null,
  ...extra,
});
/** `a2` is the second message of group a. */
const grouped = (id: string, extra: Partial<Item> = {}): Item =>
  item(id, { groupId: id.charAt(0), sequenceNumber: id.slice(1).padStart(20, '0'), ...extra });

const go = (
  rules: BatchingRules,
  state: Batching<null>,
  change: BatchingChange<null>,
  nowMs = 0,
  freeSlotCount = 5,
): BatchingStep<null> => stepBatching(rules, state, { ...change, nowMs, freeSlotCount });
const receive = (rules: BatchingRules, items: readonly Item[], nowMs = 0, freeSlotCount = 5): BatchingStep<null> =>
  go(rules, startBatching(), { kind: 'received', items }, nowMs, freeSlotCount);
const ids = (step: BatchingStep<null>): readonly (readonly string[])[] =>
  step.batches.map((batch) => batch.map(({ id }) => id));

test('without a window what a receive brought goes out at once, in batches of at most the batch size', () => {
  expect(
    ids(
      receive(
        standard,
        ['1', '2', '3', '4'].map((id) => item(id)),
      ),
    ),
  ).toEqual([['1', '2', '3'], ['4']]);
});

test('no more batches go out than there are free slots; the rest waits for one', () => {
  const first = receive(
    standard,
    ['1', '2', '3', '4'].map((id) => item(id)),
    0,
    1,
  );
  expect(ids(first)).toEqual([['1', '2', '3']]);
  expect(ids(go(standard, first.state, { kind: 'tick' }, 0, 0))).toEqual([]);
  expect(ids(go(standard, first.state, { kind: 'tick' }, 0, 1))).toEqual([['4']]);
});

describe('with a window', () => {
  const rules = { ...standard, windowMs: 1000 };

  test('a batch that is not full waits for its first message to be as old as the window', () => {
    const first = receive(rules, [item('1')]);
    expect(ids(first)).toEqual([]);
    expect(first.wakeAtMs).toBe(1000);
    const second = go(rules, first.state, { kind: 'received', items: [item('2', { receivedAtMs: 900 })] }, 900);
    expect(ids(second)).toEqual([]);
    expect(second.wakeAtMs).toBe(1000);
    expect(ids(go(rules, second.state, { kind: 'tick' }, 1000))).toEqual([['1', '2']]);
  });

  test('a batch that is full goes out at once', () => {
    const first = receive(rules, [item('1'), item('2')]);
    expect(ids(go(rules, first.state, { kind: 'received', items: [item('3'), item('4')] }))).toEqual([['1', '2', '3']]);
  });

  test('the byte limit makes a batch full', () => {
    const step = receive(rules, [item('1', { sizeBytes: 60 }), item('2', { sizeBytes: 41 })]);
    expect(ids(step)).toEqual([['1']]);
    expect(step.state.waiting.map(({ id }) => id)).toEqual(['2']);
    expect(ids(receive(rules, [item('1', { sizeBytes: 60 }), item('2', { sizeBytes: 40 })]))).toEqual([]);
  });

  test('a message beyond the byte limit goes out alone rather than never', () => {
    expect(ids(receive(rules, [item('1', { sizeBytes: 200 }), item('2')]))).toEqual([['1']]);
  });
});

test('a message whose visibility ended while it waited never goes out', () => {
  const first = receive(standard, [item('1', { hiddenUntilMs: 500 }), item('2')], 0, 0);
  const later = go(standard, first.state, { kind: 'tick' }, 500);
  expect(ids(later)).toEqual([['2']]);
  expect(later.expired.map(({ id }) => id)).toEqual(['1']);
});

test('a standard queue takes no notice of groups', () => {
  const first = receive(standard, [grouped('a1')]);
  expect(ids(go(standard, first.state, { kind: 'received', items: [grouped('a2')] }))).toEqual([['a2']]);
});

describe('FIFO', () => {
  test('a batch may hold several groups, each in order', () => {
    expect(
      ids(
        receive(
          fifo,
          ['a1', 'b1', 'a2', 'b2'].map((id) => grouped(id)),
        ),
      ),
    ).toEqual([['a1', 'b1', 'a2', 'b2']]);
  });

  test('a group has one batch in flight; others pass it', () => {
    const first = receive(fifo, [grouped('a1')]);
    const second = go(fifo, first.state, { kind: 'received', items: [grouped('a2'), grouped('b1')] });
    expect(ids(second)).toEqual([['b1']]);
    const [batch = []] = first.batches;
    expect(ids(go(fifo, second.state, { kind: 'ended', batch, kept: [] }))).toEqual([['a2']]);
  });

  test('messages of a busy group that others pass stay in their order', () => {
    const rules = { ...fifo, batchSize: 1 };
    const items = ['a1', 'a2', 'b1', 'a3'].map((id) => grouped(id));
    const first = receive(rules, items);
    expect(ids(first)).toEqual([['a1'], ['b1']]);
    const [batch = []] = first.batches;
    expect(ids(go(rules, first.state, { kind: 'ended', batch, kept: [] }))).toEqual([['a2']]);
  });

  test('of several failed messages of a group the first is the one that opens it again', () => {
    const batch = ['a1', 'a2'].map((id) => grouped(id));
    const first = receive(fifo, batch);
    const ended = go(fifo, first.state, { kind: 'ended', batch, kept: batch });
    expect(ids(go(fifo, ended.state, { kind: 'received', items: [grouped('a2')] }))).toEqual([]);
  });

  const failed = (): BatchingStep<null> => {
    const first = receive(
      { ...fifo, batchSize: 2 },
      ['a1', 'b1', 'a2', 'b2'].map((id) => grouped(id)),
    );
    const [batch = []] = first.batches;
    expect(ids(first)).toEqual([['a1', 'b1']]);
    return go(fifo, first.state, { kind: 'ended', batch, kept: [grouped('a1')] }, 1000);
  };

  test('after a failure later messages of the group are given back, hidden no longer than the failed one', () => {
    const step = failed();
    expect(ids(step)).toEqual([['b2']]);
    expect(step.releases).toEqual([{ item: grouped('a2'), visibleInMs: 29_000 }]);
  });

  test('a queue that hands out the tail while the head is hidden gets it back', () => {
    const step = go(fifo, failed().state, { kind: 'received', items: [grouped('a3')] }, 2000);
    expect(ids(step)).toEqual([]);
    expect(step.releases).toEqual([{ item: grouped('a3'), visibleInMs: 28_000 }]);
  });

  test('the failed message opens its group again when it comes back', () => {
    const items = [grouped('a1'), grouped('a2')];
    expect(ids(go(fifo, failed().state, { kind: 'received', items }, 2000))).toEqual([['a1', 'a2']]);
  });

  test('the group opens when the failed message had its time to come back: it may be in the dead-letter queue', () => {
    const items = [grouped('a2', { hiddenUntilMs: 60_000 })];
    expect(ids(go(fifo, failed().state, { kind: 'received', items }, 30_000))).toEqual([['a2']]);
  });

  test('a failed message whose time to come back passed while it was handled does not hold its group', () => {
    const first = receive(fifo, [grouped('a1', { hiddenUntilMs: 1000 })]);
    const [batch = []] = first.batches;
    const second = go(fifo, first.state, { kind: 'received', items: [grouped('a2')] }, 900);
    const ended = go(fifo, second.state, { kind: 'ended', batch, kept: batch }, 1000);
    expect(ended.releases).toEqual([]);
    expect(ids(ended)).toEqual([['a2']]);
  });

  test('sequence numbers are compared as numbers of any length', () => {
    const long = (id: string, sequenceNumber: string): Item => item(id, { groupId: 'a', sequenceNumber });
    const head = long('head', '99999999999999999999');
    const first = receive(fifo, [head]);
    const ended = go(fifo, first.state, { kind: 'ended', batch: [head], kept: [head] });
    const tail = long('tail', '100000000000000000000');
    expect(ids(go(fifo, ended.state, { kind: 'received', items: [tail] }))).toEqual([]);
  });
});

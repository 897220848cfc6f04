import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import type { Table } from '#primitives/table';
import type { BatchEntry, Work } from '#resilience/idempotency';
import { heldWork, idempotentWorld, IN_PROGRESS_MS } from './idempotent-world.ts';

/** Ten messages, each with work that is counted. */
const batchOf = (prefix: string, count = 10) => {
  const runs: string[] = [];
  const entries = Array.from({ length: count }, (_, n): BatchEntry => {
    const key = `${prefix}-${n}`;
    const work = async (): Promise<Work> => {
      runs.push(key);
      return { answer: { key }, keep: true };
    };
    return { key, bodyHash: 'b', work };
  });
  return { runs, entries };
};

const answeredAlike = (entries: readonly BatchEntry[], replayed: boolean) =>
  entries.map(({ key }) => ({ status: 'answered', answer: { key }, replayed }));

test('a batch of ten costs 2 calls when fresh, 1 when repeated elsewhere, 0 when this process remembers', async () => {
  const { host, wire } = idempotentWorld();
  const one = host();
  const { runs, entries } = batchOf('m');
  expect(await one.runBatch('f', entries)).toEqual(answeredAlike(entries, false));
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 2 });
  wire.resetCounts();
  expect(await host().runBatch('f', entries)).toEqual(answeredAlike(entries, true));
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1 });
  wire.resetCounts();
  expect(await one.runBatch('f', entries)).toEqual(answeredAlike(entries, true));
  expect(wire.counts()).toEqual({});
  expect(runs).toHaveLength(10);
});

test('a batch of ten of which some were done before costs 3 calls, and the outcomes stay in order', async () => {
  const { host, wire } = idempotentWorld();
  const { runs, entries } = batchOf('m');
  await host().runBatch('f', entries.slice(3, 6));
  wire.resetCounts();
  const outcomes = await host().runBatch('f', entries);
  expect(outcomes).toEqual(
    entries.map(({ key }, n) => ({ status: 'answered', answer: { key }, replayed: n >= 3 && n < 6 })),
  );
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 3 });
  expect(runs).toHaveLength(10);
});

test('batches and single calls share their keys', async () => {
  const { host } = idempotentWorld();
  const { runs, entries } = batchOf('m', 1);
  await host().runBatch('f', entries);
  const single = await host().run('f', 'm-0', 'b', heldWork().work);
  expect(single).toEqual({ status: 'answered', answer: { key: 'm-0' }, replayed: true });
  expect(runs).toHaveLength(1);
});

test('two entries of one key are one run; with another body the second is refused', async () => {
  const { host } = idempotentWorld();
  const { runs, entries } = batchOf('m', 1);
  const [first] = entries;
  if (first === undefined) throw new Error('no entry');
  const outcomes = await host().runBatch('f', [first, first, { ...first, bodyHash: 'other' }]);
  expect(outcomes).toEqual([
    { status: 'answered', answer: { key: 'm-0' }, replayed: false },
    { status: 'answered', answer: { key: 'm-0' }, replayed: true },
    { status: 'reused' },
  ]);
  expect(runs).toHaveLength(1);
});

test('one that is refused for its body does not decide about another of its key that is right', async () => {
  const { host } = idempotentWorld();
  const { entries } = batchOf('m', 1);
  const [right] = entries;
  if (right === undefined) throw new Error('no entry');
  await host().runBatch('f', entries);
  const [refused, unknown] = await host().runBatch('f', [{ ...right, bodyHash: 'other' }, right]);
  expect(refused).toEqual({ status: 'reused' });
  expect(unknown).toMatchObject({ status: 'in-progress' });
});

test.each([
  ['pushed out', 1, 1],
  ['over', 256, 2_000],
])('what is remembered and then %s while others work is no answer for another body', async (_, cacheCount, tookMs) => {
  const { clock, host } = idempotentWorld();
  const one = host({ cacheCount });
  const work = async (): Promise<Work> => ({ answer: 'answer of A', keep: true });
  const slow = async (): Promise<Work> => {
    await clock.sleep(tookMs);
    return { answer: 'other', keep: true };
  };
  await one.run('s', 'k', 'A', work);
  await clock.advance(59_000);
  const entries = [
    { key: 'k', bodyHash: 'A', work },
    { key: 'o', bodyHash: 'x', work: slow },
    { key: 'k', bodyHash: 'B', work },
    { key: 'k', bodyHash: 'A', work },
  ];
  const replayed = { status: 'answered', answer: 'answer of A', replayed: true };
  expect(await clock.until(one.runBatch('s', entries))).toEqual([
    replayed,
    { status: 'answered', answer: 'other', replayed: false },
    { status: 'reused' },
    replayed,
  ]);
});

test('one that fails leaves the others as they are, and may run again at once', async () => {
  const { host, wire } = idempotentWorld();
  const { runs, entries } = batchOf('m');
  const failure = new Error('poison');
  const broken = entries.map((entry, n) => (n === 4 ? { ...entry, work: () => Promise.reject(failure) } : entry));
  const outcomes = await host().runBatch('f', broken);
  expect(outcomes.map(({ status }) => status)).toEqual(entries.map((_, n) => (n === 4 ? 'failed' : 'answered')));
  expect(outcomes[4]).toEqual({ status: 'failed', error: failure });
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 2 });
  expect((await host().runBatch('f', entries)).every(({ status }) => status === 'answered')).toBe(true);
  expect(runs).toHaveLength(10);
});

test('one whose twin runs elsewhere is in progress, and the others are not held up', async () => {
  const { clock, host } = idempotentWorld();
  void host().run('f', 'm-2', 'b', heldWork().work);
  await clock.advance(0);
  const outcomes = await host().runBatch('f', batchOf('m', 4).entries);
  expect(outcomes.map(({ status }) => status)).toEqual(['answered', 'answered', 'in-progress', 'answered']);
});

test('a batch that was overtaken takes over the answers of whoever overtook it', async () => {
  const { clock, host } = idempotentWorld();
  const { end, work } = heldWork();
  const { entries } = batchOf('m', 3);
  const late = host().runBatch('f', [...entries, { key: 'slow', bodyHash: 'b', work }]);
  await clock.advance(IN_PROGRESS_MS);
  await host().run('f', 'm-1', 'b', async () => ({ answer: 'second', keep: true }));
  end('slow');
  expect((await late).map((outcome) => outcome.status === 'answered' && outcome.answer)).toEqual([
    { key: 'm-0' },
    'second',
    { key: 'm-2' },
    'slow',
  ]);
});

test('one that was overtaken by a run that left nothing is in progress: no answer that is not stored', async () => {
  const { clock, host } = idempotentWorld();
  const { end, work } = heldWork();
  const late = host().runBatch('f', [{ key: 'slow', bodyHash: 'b', work }, ...batchOf('m', 1).entries]);
  await clock.advance(IN_PROGRESS_MS);
  const failed = host().run('f', 'slow', 'b', () => Promise.reject(new Error('second')));
  await expect(failed).rejects.toThrow('second');
  end('late');
  expect((await late).map(({ status }) => status)).toEqual(['in-progress', 'answered']);
});

test('answers that do not fit into one transaction go by several', async () => {
  const { host, wire } = idempotentWorld();
  const text = 'x'.repeat(350_000);
  const entries = Array.from({ length: 12 }, (_, n): BatchEntry => {
    return { key: `m-${n}`, bodyHash: 'b', work: async () => ({ answer: text, keep: true }) };
  });
  const outcomes = await host().runBatch('f', entries);
  expect(outcomes.every(({ status }) => status === 'answered')).toBe(true);
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 3 });
});

test('an answer that is too large fails alone, and at every redelivery, while its neighbours are stored', async () => {
  const { host, wire } = idempotentWorld();
  const { runs, entries } = batchOf('m');
  const large = entries.map((entry, n): BatchEntry => {
    return n === 6 ? { ...entry, work: async () => ({ answer: 'x'.repeat(500_000), keep: true }) } : entry;
  });
  for (const replayed of [false, true]) {
    wire.resetCounts();
    const outcomes = await host().runBatch('f', large);
    const others = entries.filter((_, n) => n !== 6);
    expect(outcomes.filter((_, n) => n !== 6)).toEqual(answeredAlike(others, replayed));
    // The first time its key is claimed; then that claim has not ended.
    expect(outcomes[6]?.status).toBe(replayed ? 'in-progress' : 'failed');
  }
  expect(runs).toHaveLength(9);
});

test('an answer that is refused is found by halving: 2 calls for each half', async () => {
  const { host, wire } = idempotentWorld();
  const { entries } = batchOf('m', 8);
  const large = { ...entries[0], work: async () => ({ answer: 'x'.repeat(500_000), keep: true }) } as BatchEntry;
  await host().runBatch('f', [large, ...entries.slice(1)]);
  // The claims, then 8, 4, 2, 1 with it, and 4, 2, 1 without it.
  expect(wire.counts()).toEqual({ 'dynamodb.TransactWriteItems': 1 + 4 + 3 });
});

test('a lost answer of a claim is recognised, and an answer that cannot be stored is not given out', async () => {
  let calls = 0;
  const { host } = idempotentWorld(async (_operation, apply) => {
    calls += 1;
    if (calls >= 3) throw new UnavailableError('store');
    const answer = await apply();
    if (calls === 1) throw new OutcomeUnknownError('claim');
    return answer;
  });
  const { runs, entries } = batchOf('m', 2);
  const outcomes = await host().runBatch('f', entries);
  expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed']);
  expect(runs).toHaveLength(2);
});

test('a claim whose answer was lost is recognised when a conflict came between', async () => {
  let calls = 0;
  const { clock, table, host } = idempotentWorld(async (_operation, apply) => {
    const answer = await apply();
    if (calls === 1) throw new OutcomeUnknownError('claim');
    return answer;
  });
  const conflicting: Table = {
    ...table,
    transact: async (...given) => {
      calls += 1;
      return calls === 2 ? { status: 'conflict' } : table.transact(...given);
    },
  };
  const { runs, entries } = batchOf('m', 3);
  expect(await clock.until(host({ table: conflicting }).runBatch('f', entries))).toEqual(answeredAlike(entries, false));
  expect(runs).toHaveLength(3);
});

test('a batch whose keys cannot be claimed runs nothing', async () => {
  const { host } = idempotentWorld(() => {
    throw new UnavailableError('claim');
  });
  const { runs, entries } = batchOf('m', 2);
  await expect(host().runBatch('f', entries)).rejects.toThrow(UnavailableError);
  expect(runs).toEqual([]);
});

test.each([0, 101])('a batch of %i is refused', async (count) => {
  await expect(idempotentWorld().host().runBatch('f', batchOf('m', count).entries)).rejects.toThrow(
    "Expected 'entries.length' to be an integer from 1 to 100",
  );
});

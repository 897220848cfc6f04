import type { EntryOutcome, OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import { onEveryBackend } from '../support/backends.ts';

const bodies = (messages: readonly { readonly body: string }[]): readonly string[] => messages.map(({ body }) => body);
const receipts = (messages: readonly ReceivedMessage[]): readonly string[] => messages.map(({ receipt }) => receipt);
const isOk = (outcomes: readonly EntryOutcome[]): readonly boolean[] => outcomes.map(({ ok }) => ok);
const numbered = (count: number): readonly OutgoingMessage[] =>
  Array.from({ length: count }, (_, at) => ({ body: `message ${at}` }));
const inGroup = (groupId: string, ...texts: readonly string[]): readonly OutgoingMessage[] =>
  texts.map((body) => ({ body, groupId, deduplicationId: body }));

const LONG_POLL = { maxCount: 10, waitMs: 20_000 } as const;
/** Longer than any test. */
const FOR_LONG = 600_000;

/** Receives and deletes until `count` messages came, at most `count` polls. */
const drain = async (
  queue: Queue,
  count: number,
  run: <T>(work: Promise<T>) => Promise<T>,
): Promise<ReceivedMessage[]> => {
  const drained: ReceivedMessage[] = [];
  for (let polls = 0; polls < count && drained.length < count; polls += 1) {
    const messages = await run(queue.receive(LONG_POLL));
    drained.push(...messages);
    await queue.deleteBatch(receipts(messages));
  }
  return drained;
};

onEveryBackend('queue', (backend, promise) => {
  const run = <T>(work: Promise<T>): Promise<T> => backend().run(work);

  promise('sends and deletes more than ten at once, and every message arrives once', async () => {
    const { queue } = await backend().queue();
    expect(isOk(await queue.sendBatch(numbered(25)))).toEqual(Array(25).fill(true));
    const drained = await drain(queue, 25, run);
    expect(bodies(drained).toSorted()).toEqual(bodies(numbered(25)).toSorted());
    expect(await queue.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
  });

  promise('delivers body, attributes, ids and the time of sending', async () => {
    const { queue } = await backend().queue();
    const body = 'Grüße, 中文\n\t"quoted"';
    await queue.sendBatch([{ body, attributes: { traceparent: '00-ab-cd-01', name: 'Zoë' } }]);
    const [message] = await run(queue.receive(LONG_POLL));
    expect(message).toMatchObject({ body, attributes: { traceparent: '00-ab-cd-01', name: 'Zoë' }, receiveCount: 1 });
    expect(message?.id).not.toBe('');
    expect(message?.receipt).not.toBe('');
    expect(message?.sentAtMs).toBeGreaterThan(1_600_000_000_000);
  });

  promise(
    'takes text of every plane of Unicode',
    async () => {
      const { queue } = await backend().queue();
      expect(await queue.sendBatch([{ body: 'thumbs up \u{1F44D}' }])).toEqual([{ ok: true }]);
      expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(['thumbs up \u{1F44D}']);
    },
    'astral-text',
  );

  promise('gives no more than asked for, and an empty list when nothing comes', async () => {
    const { queue } = await backend().queue();
    expect(await run(queue.receive({ maxCount: 10 }))).toEqual([]);
    await queue.sendBatch(numbered(5));
    expect((await run(queue.receive({ maxCount: 3, waitMs: 20_000 }))).length).toBeLessThanOrEqual(3);
  });

  promise('hides what was received, gives it again after its visibility timeout, and counts', async () => {
    const { queue } = await backend().queue({ visibilityMs: 30_000 });
    await queue.sendBatch([{ body: 'again' }]);
    const first = await run(queue.receive({ ...LONG_POLL, visibilityMs: 1000 }));
    expect(await run(queue.receive({ maxCount: 10 }))).toEqual([]);
    const second = await run(queue.receive(LONG_POLL));
    expect(second).toMatchObject([{ id: first[0]?.id, body: 'again', receiveCount: 2 }]);
    expect(receipts(second)).not.toEqual(receipts(first));
  });

  promise('gives a message at once again when its visibility is set to 0, and later when it is extended', async () => {
    const { queue } = await backend().queue({ visibilityMs: 1000 });
    await queue.sendBatch([{ body: 'one' }]);
    const [first] = await run(queue.receive({ ...LONG_POLL, visibilityMs: FOR_LONG }));
    const receipt = first?.receipt ?? '';
    expect(isOk(await queue.changeVisibilityBatch([{ receipt, visibilityMs: 0 }]))).toEqual([true]);
    const [second] = await run(queue.receive(LONG_POLL));
    expect(second?.receiveCount).toBe(2);
    await queue.changeVisibilityBatch([{ receipt: second?.receipt ?? '', visibilityMs: FOR_LONG }]);
    expect(await run(queue.receive({ maxCount: 1, waitMs: 2000 }))).toEqual([]);
    expect(await queue.depth()).toMatchObject({ inFlightCount: 1 });
  });

  promise('keeps a message that an outdated receipt would delete', async () => {
    const { queue } = await backend().queue();
    await queue.sendBatch([{ body: 'kept' }]);
    const first = await run(queue.receive(LONG_POLL));
    const second = await run(queue.receive({ ...LONG_POLL, visibilityMs: 1000 }));
    await queue.deleteBatch(receipts(first));
    expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(bodies(second));
  });

  promise('answers with success when a message is deleted a second time', async () => {
    const { queue } = await backend().queue();
    await queue.sendBatch([{ body: 'once' }]);
    const messages = await run(queue.receive(LONG_POLL));
    await queue.deleteBatch(receipts(messages));
    expect(isOk(await queue.deleteBatch(receipts(messages)))).toEqual([true]);
  });

  promise('holds a message back for its delay', async () => {
    const { queue } = await backend().queue();
    await queue.sendBatch([{ body: 'later', delayMs: 1000 }]);
    expect(await queue.depth()).toMatchObject({ visibleCount: 0, delayedCount: 1 });
    expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(['later']);
  });

  promise('reports a part of a batch that fails, and does the rest', async () => {
    const { queue } = await backend().queue({ fifo: true });
    const [good, alsoGood] = inGroup('g', 'good', 'also good');
    const outcomes = await queue.sendBatch([
      { body: 'good', groupId: 'g', deduplicationId: 'good' },
      { body: 'no deduplication id', groupId: 'g' },
      { body: 'also good', groupId: 'g', deduplicationId: 'also-good' },
    ]);
    expect(outcomes).toMatchObject([{ ok: true }, { ok: false, retryable: false }, { ok: true }]);
    expect(bodies(await drain(queue, 2, run))).toEqual([good?.body, alsoGood?.body]);
  });

  promise('names the entries at fault, not retryable, without sending them', async () => {
    const { queue } = await backend().queue();
    const outcomes = await queue.sendBatch([
      { body: '' },
      { body: 'control \u0000 character' },
      { body: 'x'.repeat(1_048_577) },
      { body: 'fine' },
      { body: 'too late', delayMs: 900_001 },
      { body: 'too many', attributes: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`a${at}`, 'v'])) },
    ]);
    expect(isOk(outcomes)).toEqual([false, false, false, true, false, false]);
    expect(outcomes.every((outcome) => outcome.ok || !outcome.retryable)).toBe(true);
    expect(bodies(await drain(queue, 1, run))).toEqual(['fine']);
  });

  promise('splits messages that are too large for one call together', async () => {
    const { queue } = await backend().queue();
    const large = Array.from({ length: 3 }, (_, at) => ({ body: `${at}`.repeat(500_000) }));
    expect(isOk(await queue.sendBatch(large))).toEqual([true, true, true]);
    expect((await drain(queue, 3, run)).length).toBe(3);
  });

  promise('reports a receipt that is none, or of a message that is not in flight', async () => {
    const { queue } = await backend().queue();
    const outcomes = await queue.changeVisibilityBatch([{ receipt: 'no such receipt', visibilityMs: 1000 }]);
    expect(outcomes).toMatchObject([{ ok: false, retryable: false }]);
    expect(await queue.changeVisibilityBatch([{ receipt: 'x', visibilityMs: 43_200_001 }])).toMatchObject([
      { ok: false, retryable: false },
    ]);
  });

  promise('reports a call whose answer was lost on each of its entries, although it was applied', async () => {
    const { queue } = await backend().queue();
    backend().inject({ operation: 'SendMessageBatch', kind: 'lose-answer' });
    expect(await queue.sendBatch([{ body: 'unknown' }])).toMatchObject([{ ok: false, retryable: true }]);
    backend().inject(undefined);
    expect(bodies(await run(queue.receive({ maxCount: 1, waitMs: 20_000 })))).toEqual(['unknown']);
  });

  promise('reports a throttled call on its entries, retryable, and the entries of other calls stand', async () => {
    const { queue } = await backend().queue();
    backend().inject({ operation: 'SendMessageBatch', kind: 'throttle' });
    expect(await queue.sendBatch(numbered(2))).toMatchObject([
      { ok: false, retryable: true },
      { ok: false, retryable: true },
    ]);
    backend().inject({ operation: 'SendMessageBatch', kind: 'throttle', times: 1 });
    const outcomes = await queue.sendBatch(numbered(11));
    // Where the SDK repeats the call, none failed; else the first ten did. The eleventh is of another call.
    expect(outcomes.at(10)).toEqual({ ok: true });
  });

  promise('says that nothing is known, or that it is unavailable, when a receive fails', async () => {
    const { queue } = await backend().queue();
    backend().inject({ operation: 'ReceiveMessage', kind: 'lose-answer' });
    await expect(run(queue.receive({ maxCount: 1 }))).rejects.toMatchObject({ code: 'primitives/outcome-unknown' });
    backend().inject({ operation: 'ReceiveMessage', kind: 'throttle' });
    await expect(run(queue.receive({ maxCount: 1 }))).rejects.toMatchObject({ code: 'primitives/unavailable' });
  });

  promise('ends the wait with an empty list when it is aborted, and sends nothing after an abort', async () => {
    const { queue } = await backend().queue();
    const aborted = new AbortController();
    const waiting = queue.receive(LONG_POLL, aborted.signal);
    aborted.abort(new Error('enough'));
    expect(await run(waiting)).toEqual([]);
    expect(await queue.sendBatch(numbered(1), aborted.signal)).toMatchObject([{ ok: false, retryable: true }]);
  });

  promise('wakes a waiting receive when a message is sent', async () => {
    const { queue } = await backend().queue();
    const waiting = queue.receive(LONG_POLL);
    await queue.sendBatch([{ body: 'news' }]);
    expect(bodies(await run(waiting))).toEqual(['news']);
  });

  promise(
    'moves a message to the dead-letter queue, with its attributes, after maxReceiveCount deliveries',
    async () => {
      const { queue, deadLetters } = await backend().queue({ maxReceiveCount: 2 });
      await queue.sendBatch([{ body: 'poison', attributes: { why: 'bad' } }]);
      for (const receiveCount of [1, 2]) {
        const received = await run(queue.receive({ ...LONG_POLL, visibilityMs: 0 }));
        expect(received).toMatchObject([{ receiveCount }]);
      }
      expect(await run(queue.receive({ maxCount: 10 }))).toEqual([]);
      const dead = await run(deadLetters.receive(LONG_POLL));
      expect(dead).toMatchObject([{ body: 'poison', attributes: { why: 'bad' } }]);
      expect(await queue.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
    },
  );

  promise('keeps the order of each group', async () => {
    const { queue } = await backend().queue({ fifo: true });
    const a = Array.from({ length: 12 }, (_, at) => `a${at}`);
    const b = Array.from({ length: 8 }, (_, at) => `b${at}`);
    await queue.sendBatch([...inGroup('a', ...a), ...inGroup('b', ...b)]);
    const drained = await drain(queue, 20, run);
    expect(bodies(drained.filter(({ groupId }) => groupId === 'a'))).toEqual(a);
    expect(bodies(drained.filter(({ groupId }) => groupId === 'b'))).toEqual(b);
  });

  promise('keeps a group back while one of its messages is in flight, and no other group', async () => {
    const { queue } = await backend().queue({ fifo: true, visibilityMs: 30_000 });
    await queue.sendBatch([...inGroup('a', 'a0', 'a1'), ...inGroup('b', 'b0')]);
    const head = await run(queue.receive({ maxCount: 1 }));
    const others = await run(queue.receive({ maxCount: 10 }));
    expect(new Set([...head, ...others].map(({ groupId }) => groupId))).toEqual(new Set(['a', 'b']));
    expect(bodies([...head, ...others]).filter((body) => body.startsWith('a'))).toEqual(['a0']);
    await queue.deleteBatch(receipts(head));
    await queue.deleteBatch(receipts(others));
    expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(['a1']);
  });

  promise(
    'gives several messages of one group, in order, in one receive',
    async () => {
      const { queue } = await backend().queue({ fifo: true });
      await queue.sendBatch(inGroup('a', 'a0', 'a1', 'a2'));
      expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(['a0', 'a1', 'a2']);
    },
    'group-in-one-receive',
  );

  promise(
    'keeps a group back until the last of its messages in flight is back, although the head is visible again',
    async () => {
      const { queue } = await backend().queue({ fifo: true, visibilityMs: 30_000 });
      await queue.sendBatch(inGroup('a', 'a0', 'a1', 'a2'));
      const [head, ...others] = receipts(await run(queue.receive({ maxCount: 2 })));
      await queue.changeVisibilityBatch([{ receipt: head ?? '', visibilityMs: 0 }]);
      expect(await run(queue.receive({ maxCount: 10 }))).toEqual([]);
      await queue.deleteBatch(others);
      expect(bodies(await run(queue.receive(LONG_POLL)))).toEqual(['a0', 'a2']);
    },
    'group-in-one-receive',
  );

  promise('gives the head of a group again, before what follows, when it comes back', async () => {
    const { queue } = await backend().queue({ fifo: true });
    await queue.sendBatch(inGroup('a', 'a0', 'a1'));
    const head = await run(queue.receive({ maxCount: 1 }));
    await queue.changeVisibilityBatch(receipts(head).map((receipt) => ({ receipt, visibilityMs: 0 })));
    expect(bodies(await drain(queue, 2, run))).toEqual(['a0', 'a1']);
  });

  promise('accepts and drops a second message with the same deduplication id', async () => {
    const { queue } = await backend().queue({ fifo: true });
    const message = { body: 'first', groupId: 'a', deduplicationId: 'same' };
    expect(isOk(await queue.sendBatch([message, { ...message, body: 'second' }]))).toEqual([true, true]);
    expect(bodies(await drain(queue, 1, run))).toEqual(['first']);
    expect(await queue.depth()).toEqual({ visibleCount: 0, inFlightCount: 0, delayedCount: 0 });
  });

  promise(
    'refuses to delete by a receipt of a FIFO queue whose visibility timeout has ended',
    async () => {
      const { queue } = await backend().queue({ fifo: true });
      await queue.sendBatch(inGroup('a', 'a0'));
      const first = await run(queue.receive(LONG_POLL));
      await run(queue.receive({ ...LONG_POLL, visibilityMs: FOR_LONG }));
      expect(await queue.deleteBatch(receipts(first))).toMatchObject([{ ok: false, retryable: false }]);
    },
    'stale-receipt-refused',
  );

  promise('refuses options outside of their range', async () => {
    const { queue } = await backend().queue();
    for (const options of [
      { maxCount: 0 },
      { maxCount: 11 },
      { maxCount: 1, waitMs: 20_001 },
      { maxCount: 1, visibilityMs: -1 },
    ]) {
      await expect(queue.receive(options)).rejects.toMatchObject({ code: 'primitives/invalid-argument' });
    }
  });
});

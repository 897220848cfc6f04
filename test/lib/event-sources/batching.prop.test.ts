import * as fc from 'fast-check';
import { startBatching, stepBatching } from '#event-sources/batching';
import type { BatchingChange, BatchingRules, BatchItem } from '#event-sources/batching';

type Item = BatchItem<null>;
const HIDDEN_MS = 50;

/**
 * A small FIFO queue that behaves: it hands out a group only while none of it is in flight, in order, and puts back
 * what is not deleted. Random receives, ends (each with a random failure) and time drive the machine against it.
 */
const world = (rules: BatchingRules, groupCount: number, messageCount: number) => {
  const queued = new Map<string, Item[]>();
  for (let n = 0; n < messageCount; n += 1) {
    const groupId = `g${n % groupCount}`;
    const list = queued.get(groupId) ?? [];
    list.push({
      id: `${groupId}/${n}`,
      sizeBytes: 1 + (n % 7),
      receivedAtMs: 0,
      hiddenUntilMs: 0,
      groupId,
      sequenceNumber: String(n),
      content: null,
    });
    queued.set(groupId, list);
  }
  const hidden = new Map<string, number>();
  const deleted: string[] = [];
  const inFlight: (readonly Item[])[] = [];
  let state = startBatching<null>();
  let nowMs = 0;

  const step = (change: BatchingChange<null>, freeSlotCount: number): void => {
    const result = stepBatching(rules, state, { ...change, nowMs, freeSlotCount });
    state = result.state;
    expect(result.batches.length).toBeLessThanOrEqual(freeSlotCount);
    for (const batch of result.batches) {
      expect(batch.length).toBeGreaterThan(0);
      expect(batch.length).toBeLessThanOrEqual(rules.batchSize);
      const bytes = batch.reduce((sum, item) => sum + item.sizeBytes, 0);
      expect(batch.length === 1 || bytes <= rules.limitBytes).toBe(true);
      const busy = new Set(inFlight.flat().map((item) => item.groupId));
      for (const item of batch) {
        expect(item.hiddenUntilMs).toBeGreaterThan(nowMs);
        expect(busy.has(item.groupId)).toBe(false);
      }
      for (const groupId of new Set(batch.map((item) => item.groupId ?? ''))) {
        const ours = batch.filter((item) => item.groupId === groupId).map((item) => item.id);
        // In order, and nothing of the group is skipped: it is the head of what is not deleted.
        expect(ours).toEqual((queued.get(groupId) ?? []).slice(0, ours.length).map((item) => item.id));
      }
      inFlight.push(batch);
    }
    for (const { item, visibleInMs } of result.releases) hidden.set(item.id, nowMs + visibleInMs);
  };

  const isHidden = (item: Item): boolean => (hidden.get(item.id) ?? -1) > nowMs;

  return {
    deleted,
    inFlight,
    receive: (count: number, slots: number) => {
      const items: Item[] = [];
      for (const list of queued.values()) {
        if (list.some(isHidden)) continue;
        for (const item of list.slice(0, Math.max(0, count - items.length))) {
          items.push({ ...item, receivedAtMs: nowMs, hiddenUntilMs: nowMs + HIDDEN_MS });
          hidden.set(item.id, nowMs + HIDDEN_MS);
        }
      }
      step({ kind: 'received', items }, slots);
    },
    end: (which: number, failAt: number, slots: number) => {
      const [batch] = inFlight.splice(which % Math.max(1, inFlight.length), 1);
      if (batch === undefined) return;
      // From the failing one on, each group keeps the rest, as a handler on a FIFO queue must report.
      const failed = batch[failAt]?.groupId;
      const kept = batch.filter((item, index) => index >= failAt && item.groupId === failed);
      for (const item of batch) {
        if (kept.includes(item)) continue;
        deleted.push(item.id);
        hidden.delete(item.id);
        const list = queued.get(item.groupId ?? '') ?? [];
        list.splice(
          list.findIndex((other) => other.id === item.id),
          1,
        );
      }
      step({ kind: 'ended', batch, kept }, slots);
    },
    pass: (ms: number, slots: number) => {
      // Batches end before their visibility does: else a queue may hand a group out twice.
      if (inFlight.flat().some((item) => item.hiddenUntilMs <= nowMs + ms)) return;
      nowMs += ms;
      step({ kind: 'tick' }, slots);
    },
  };
};

const action = fc.record({
  kind: fc.constantFrom('receive', 'receive', 'end', 'end', 'pass'),
  n: fc.integer({ min: 0, max: 12 }),
  m: fc.integer({ min: 0, max: 4 }),
});

test('FIFO: order per group, one batch in flight per group, limits kept, everything drained, under any interleaving', () => {
  const rules = fc.record({
    batchSize: fc.integer({ min: 1, max: 10 }),
    windowMs: fc.constant(0),
    limitBytes: fc.integer({ min: 5, max: 40 }),
    fifo: fc.constant(true),
  });
  fc.assert(
    fc.property(
      rules,
      fc.integer({ min: 1, max: 4 }),
      fc.array(action, { maxLength: 60 }),
      (given, groupCount, actions) => {
        const messageCount = 20;
        const it = world(given, groupCount, messageCount);
        for (const { kind, n, m } of actions) {
          if (kind === 'receive') it.receive(n, m);
          else if (kind === 'end') it.end(m, n, m);
          else it.pass(n, m);
        }
        // When failures stop, it drains.
        for (let round = 0; round < 500 && it.deleted.length < messageCount; round += 1) {
          while (it.inFlight.length > 0) it.end(0, Number.POSITIVE_INFINITY, 5);
          it.pass(10, 5);
          it.receive(10, 5);
        }
        expect(new Set(it.deleted).size).toBe(messageCount);
        for (let group = 0; group < groupCount; group += 1) {
          const order = it.deleted.filter((id) => id.startsWith(`g${group}/`)).map((id) => Number(id.split('/')[1]));
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      },
    ),
    { numRuns: 300 },
  );
});

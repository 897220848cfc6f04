import fc from 'fast-check';
import { startShard, stepShard } from '#event-sources/stream-shard';
import type { BatchEnd, ShardBatch, ShardItem, ShardRules } from '#event-sources/stream-shard';

const end = fc.oneof(
  { weight: 3, arbitrary: fc.constant<BatchEnd>({ kind: 'done' }) },
  fc.constant<BatchEnd>({ kind: 'failed' }),
  fc.constant<BatchEnd>({ kind: 'unstarted' }),
  fc.nat(5).map((index): BatchEnd => ({ kind: 'reported', index })),
);

const run = fc.record({
  lanes: fc.array(fc.nat(3), { minLength: 1, maxLength: 30 }),
  ends: fc.array(end, { maxLength: 60 }),
  batchSize: fc.integer({ min: 1, max: 6 }),
  bisect: fc.boolean(),
  maxRetryCount: fc.constantFrom(0, 1, 3, Number.POSITIVE_INFINITY),
  slots: fc.integer({ min: 1, max: 4 }),
});

test('every record is done once or given up once, those of a lane in order, one batch of a lane at a time', () => {
  fc.assert(
    fc.property(run, ({ lanes, ends, batchSize, bisect, maxRetryCount, slots }) => {
      const rules: ShardRules = { batchSize, windowMs: 0, limitBytes: 10_000, bisect, maxRetryCount, maxAgeMs: 1e12 };
      const items = lanes.map((lane, index): ShardItem<number> => ({
        sequenceNumber: String(index),
        lane,
        sizeBytes: 1,
        createdAtMs: 0,
        readAtMs: 0,
        content: index,
      }));
      let state = startShard<number>();
      let running: readonly ShardBatch<number>[] = [];
      const settled: number[] = [];
      const apply = (change: Parameters<typeof stepShard<number>>[2]): void => {
        const step = stepShard(rules, state, change);
        state = step.state;
        running = [...running, ...step.batches];
        settled.push(...step.discards.flatMap(({ batch }) => batch.items.map(({ content }) => content)));
        const busy = running.map(({ lane }) => lane);
        expect(new Set(busy).size).toBe(busy.length);
        expect(busy.length).toBeLessThanOrEqual(slots);
      };
      const at = (nowMs: number) => ({ nowMs, wallMs: nowMs, freeSlotCount: slots - running.length });
      apply({ kind: 'read', items, ...at(0) });
      // After the given ends all succeed: so many steps are more than enough.
      for (let turn = 0; turn < 1000 && settled.length < items.length; turn += 1) {
        const [batch] = running;
        if (batch !== undefined) {
          const given: BatchEnd = ends[turn] ?? { kind: 'done' };
          const how: BatchEnd =
            given.kind === 'reported' ? { kind: 'reported', index: given.index % batch.items.length } : given;
          running = running.slice(1);
          const doneCount = how.kind === 'done' ? batch.items.length : how.kind === 'reported' ? how.index : 0;
          settled.push(...batch.items.slice(0, doneCount).map(({ content }) => content));
          apply({ kind: 'ended', batch, end: how, ...at(turn * 10_000) });
        }
        apply({ kind: 'tick', ...at(turn * 10_000 + 9000) });
      }
      expect(settled.toSorted((a, b) => a - b)).toEqual(items.map(({ content }) => content));
      for (const lane of new Set(lanes)) {
        const ofLane = settled.filter((content) => lanes[content] === lane);
        expect(ofLane).toEqual(ofLane.toSorted((a, b) => a - b));
      }
    }),
  );
});

import fc from 'fast-check';
import { clockRing, type RingEntry } from '#serving/replicated/clock-ring';

const entry = (key: string, sizeBytes: number): RingEntry => ({ key, sizeBytes, isUsed: false, place: -1 });

const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key: fc.nat(20), size: fc.nat(12) }),
  fc.record({ kind: fc.constant('use' as const), key: fc.nat(20) }),
  fc.record({ kind: fc.constant('delete' as const), key: fc.nat(20) }),
);

test('it is never over its number or size, gives what was put last, and counts right', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.integer({ min: 1, max: 8 }), (steps, maxCount) => {
      const maxBytes = 30;
      const ring = clockRing({ maxCount, maxBytes });
      const last = new Map<string, RingEntry>();
      for (const what of steps) {
        const key = `k${what.key}`;
        if (what.kind === 'set') {
          const made = entry(key, what.size);
          last.set(key, made);
          expect(ring.set(made)).toBe(true);
          expect(ring.get(key)).toBe(made);
        } else if (what.kind === 'use') {
          const found = ring.get(key);
          if (found !== undefined) found.isUsed = true;
        } else {
          ring.delete(key);
          last.delete(key);
        }
        const kept = [...last.keys()].flatMap((each) => ring.get(each) ?? []);
        for (const found of kept) expect(found).toBe(last.get(found.key));
        expect(ring.count()).toBe(kept.length);
        expect(ring.count()).toBeLessThanOrEqual(maxCount);
        expect(ring.sizeBytes()).toBe(kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
        expect(ring.sizeBytes()).toBeLessThanOrEqual(maxBytes);
      }
    }),
  );
});

test('what was used since the hand passed is spared', () => {
  const ring = clockRing({ maxCount: 3, maxBytes: Infinity });
  for (const key of ['a', 'b', 'c']) ring.set(entry(key, 0));
  const [b] = [ring.get('b')];
  if (b !== undefined) b.isUsed = true;
  ring.set(entry('d', 0));
  ring.set(entry('e', 0));
  expect(ring.get('b')).toBe(b);
  expect(ring.evictedCount()).toBe(2);
});

test('what is larger than all of it is not kept, and pushes nothing out', () => {
  const ring = clockRing({ maxCount: 3, maxBytes: 10 });
  ring.set(entry('a', 5));
  expect(ring.set(entry('b', 11))).toBe(false);
  expect(ring.count()).toBe(1);
});

import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { hotKeys } from '#serving/sharded/hot-keys';
import { spaceSaving } from '#serving/sharded/space-saving';

test('keys that make up more than 1/capacity of a stream are counted, with an error of at most n/capacity', () => {
  const random = seededRandom(3);
  const counts = spaceSaving({ capacityCount: 20 });
  const real = new Map<string, number>();
  const total = 10_000;
  for (let n = 0; n < total; n += 1) {
    const key = random.next() < 0.3 ? `hot-${n % 3}` : `cold-${Math.floor(random.next() * 5_000)}`;
    real.set(key, (real.get(key) ?? 0) + 1);
    counts.add(key);
  }
  const top = counts.top();
  expect(top.length).toBe(20);
  for (const [key, count] of real) if (count > total / 20) expect(top.map((each) => each.key)).toContain(key);
  for (const { key, count, error } of top) {
    expect(count).toBeGreaterThanOrEqual(real.get(key) ?? 0);
    expect(count - error).toBeLessThanOrEqual(real.get(key) ?? 0);
    expect(error).toBeLessThanOrEqual(total / 20);
  }
});

test('a key is hot at its n-th read within a window, and cools', async () => {
  const clock = memoryClock();
  const keys = hotKeys({ readCount: 4, windowMs: 1_000, clock });
  expect([1, 2, 3, 4].map(() => keys.read('k'))).toEqual([false, false, false, true]);
  expect(keys.list()).toEqual([{ key: 'k', readCount: 4 }]);
  await clock.advance(1_000);
  expect(keys.isHot('k')).toBe(false);
  await clock.advance(3_000);
  expect(keys.read('k')).toBe(false);
});

test('options out of range are refused', () => {
  expect(() => spaceSaving({ capacityCount: 0 })).toThrow("'capacityCount'");
  expect(() => hotKeys({ readCount: 1, windowMs: 1_000, clock: memoryClock() })).toThrow("'readCount'");
});

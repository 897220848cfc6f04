import { seededRandom } from '#primitives/memory/random';
import { leafAdvice, type LeafSample } from '#serving/scatter-gather/leaf-advice';

const same = (count: number, sample: LeafSample): LeafSample[] => Array.from({ length: count }, () => sample);

test('work that is shared makes it faster until what is not shared is left', () => {
  const samples = same(1_000, { tookMs: 110, workMs: 100 });
  const { forecasts } = leafAdvice({ samples, leafCount: 1, quantile: 0.99, maxLeafCount: 10 });
  expect(forecasts.map(({ latencyMs }) => Math.round(latencyMs))).toEqual([110, 60, 43, 35, 30, 27, 24, 23, 21, 20]);
});

test('it says of the present number of leaves what was measured: a request waits for the slowest of its leaves', () => {
  const { next } = seededRandom(5);
  const draw = (): number => (next() < 0.01 ? 1_000 : 10);
  const samples = Array.from({ length: 100_000 }, (): LeafSample => ({ tookMs: draw(), workMs: 1 }));
  const { forecasts } = leafAdvice({ samples, leafCount: 20, quantile: 0.9, maxLeafCount: 20 });
  // 1 − 0.99²⁰ = 18 % of the requests meet a straggler, 1 − 0.99⁵ = 5 % of those to five leaves.
  expect(forecasts[19]?.latencyMs).toBe(1_000);
  expect(forecasts[4]?.latencyMs).toBeLessThan(20);
});

test('more leaves are advised while they are worth it, and no more when stragglers eat the gain', () => {
  const heavy = same(1_000, { tookMs: 200, workMs: 195 });
  expect(leafAdvice({ samples: heavy, leafCount: 2, quantile: 0.95, maxLeafCount: 20 }).leafCount).toBe(20);
  const light = same(1_000, { tookMs: 10, workMs: 0.1 });
  expect(leafAdvice({ samples: light, leafCount: 2, quantile: 0.95, maxLeafCount: 20 }).leafCount).toBe(1);
  const slow = same(20, { tookMs: 500, workMs: 20 });
  const mixed = [...same(980, { tookMs: 25, workMs: 20 }), ...slow];
  const advised = leafAdvice({ samples: mixed, leafCount: 1, quantile: 0.95, maxLeafCount: 20 }).leafCount;
  // With three leaves more than 5 % of the requests meet one of the 2 % that are slow.
  expect(advised).toBe(2);
});

test('it says when so few samples do not tell', () => {
  const samples = same(100, { tookMs: 10, workMs: 5 });
  const { forecasts } = leafAdvice({ samples, leafCount: 1, quantile: 0.99, maxLeafCount: 2 });
  expect(forecasts.map(({ isKnown }) => isKnown)).toEqual([true, false]);
});

test('samples that cannot be are refused', () => {
  const options = { leafCount: 1, quantile: 0.9, maxLeafCount: 2 };
  expect(() => leafAdvice({ ...options, samples: [] })).toThrow("Expected 'samples.length' to be an integer from 100");
  expect(() => leafAdvice({ ...options, samples: same(100, { tookMs: 1, workMs: 2 }) })).toThrow(
    "Expected 'samples.workMs' to be from 0 to tookMs (1), got 2.",
  );
});

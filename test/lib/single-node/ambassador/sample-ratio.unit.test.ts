import { sampleRatio } from '#single-node/ambassador/sample-ratio';

// With one degree of freedom p is erfc(√(x/2)), with two e^(−x/2).
test.each([
  [[5_000, 5_000], [1, 1], 0, 1],
  [[5_100, 4_900], [1, 1], 4, 0.04550026],
  [[6_000, 4_000], [1, 1], 400, 5.507248e-89],
  [[30, 14, 34, 45, 57, 20], [0.2, 0.3, 0.2, 0.1, 0.1, 0.1], 138.36667, 4e-28],
  [[51, 49, 100], [1, 1, 2], 0.04, 0.9801987],
  [[0, 10], [1, 1], 10, 0.001565402],
])('%j by weights %j: chi square %d, p %d', (observed, weights, chiSquare, pValue) => {
  const found = sampleRatio({ observed, weights });
  expect(found.chiSquare).toBeCloseTo(chiSquare, 4);
  if (pValue > 1e-20) expect(found.pValue / pValue).toBeCloseTo(1, 4);
  else expect(found.pValue).toBeLessThan(1e-20);
  expect(found.isSuspicious).toBe(pValue < 0.0005);
});

test.each([
  [[], []],
  [
    [0, 0],
    [1, 1],
  ],
  [[100], [1]],
  [
    [100, 0],
    [1, 0],
  ],
])('%j by %j says nothing', (observed, weights) => {
  expect(sampleRatio({ observed, weights })).toEqual({ chiSquare: 0, pValue: 1, isSuspicious: false });
});

test('counts without weights are refused', () => {
  expect(() => sampleRatio({ observed: [1, 2], weights: [1] })).toThrow("'weights'");
});

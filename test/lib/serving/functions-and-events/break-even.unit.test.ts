import fc from 'fast-check';
import { breakEven, type BreakEvenOptions } from '#serving/functions-and-events/break-even';

/** The worked example of the README. */
const example: BreakEvenOptions = {
  function: { pricePerRequest: 1.2e-6, pricePerGbSecond: 0.0000133334, memoryGb: 0.5, durationMs: 50 },
  server: { pricePerHour: 0.01797, requestsPerSecond: 100, minCount: 2, sharedPricePerHour: 0.0225 },
  requestsPerSecond: 5,
};

test('the worked example comes to what the README says', () => {
  const { functionsPerMonth, serversPerMonth, serverCount, cheaper, pricePerMillionRequests, evenAtRequestsPerSecond } =
    breakEven(example);
  expect(pricePerMillionRequests).toBeCloseTo(1.533, 3);
  expect(evenAtRequestsPerSecond).toBeCloseTo(10.6, 1);
  expect(functionsPerMonth).toBeCloseTo(20.15, 2);
  expect(serversPerMonth).toBeCloseTo(42.66, 2);
  expect({ serverCount, cheaper }).toEqual({ serverCount: 2, cheaper: 'functions' });
});

test('more load than the fewest servers take needs more of them', () => {
  expect(breakEven({ ...example, requestsPerSecond: 200 }).serverCount).toBe(2);
  expect(breakEven({ ...example, requestsPerSecond: 201 })).toMatchObject({ serverCount: 3, cheaper: 'servers' });
});

test('at the break-even both cost the same, below it functions cost less, above it servers, as long as they suffice', () => {
  const price = fc.double({ min: 1e-9, max: 10, noNaN: true });
  fc.assert(
    fc.property(price, price, price, fc.integer({ min: 1, max: 20 }), (perRequest, perGbSecond, perHour, minCount) => {
      const options: BreakEvenOptions = {
        function: { pricePerRequest: perRequest, pricePerGbSecond: perGbSecond, memoryGb: 1, durationMs: 100 },
        server: { pricePerHour: perHour, requestsPerSecond: 1e9, minCount },
        requestsPerSecond: 0,
      };
      const { evenAtRequestsPerSecond: even } = breakEven(options);
      const at = (requestsPerSecond: number) => breakEven({ ...options, requestsPerSecond });
      const { functionsPerMonth, serversPerMonth } = at(even);
      expect(functionsPerMonth / serversPerMonth).toBeCloseTo(1, 6);
      expect([at(even * 0.99).cheaper, at(even * 1.01).cheaper]).toEqual(['functions', 'servers']);
    }),
  );
});

test.each([
  [{ requestsPerSecond: -1 }, "Expected 'requestsPerSecond' to be a number from 0"],
  [{ function: { ...example.function, memoryGb: 0 } }, "Expected 'function.memoryGb'"],
  [{ function: { ...example.function, durationMs: 0 } }, "Expected 'function.durationMs'"],
  [{ server: { ...example.server, minCount: 0 } }, "Expected 'server.minCount'"],
  [{ server: { ...example.server, price: 1 } }, "Expected 'options' to be made of"],
])('numbers that cannot be are refused: %j', (change, message) => {
  expect(() => breakEven({ ...example, ...change })).toThrow(message);
});

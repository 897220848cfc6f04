import fc from 'fast-check';
import { retryBudget } from '#resilience/index';

test('at every moment, extra calls ≤ offered × ratio + initial, in whatever order they come', () => {
  const ratios = fc.constantFrom(0, 0.05, 0.1, 0.2, 1 / 3, 0.7, 1);
  fc.assert(
    fc.property(
      ratios,
      fc.integer({ min: 1, max: 50 }),
      fc.nat(50),
      fc.array(fc.boolean(), { maxLength: 400, size: 'max' }),
      (ratio, burstCount, initial, moves) => {
        const initialCount = Math.min(initial, burstCount);
        const budget = retryBudget({ ratio, burstCount, initialCount });
        let [offered, extra, tooMany] = [0, 0, 0];
        for (const isOffer of moves) {
          if (isOffer) {
            offered += 1;
            budget.offer();
          } else if (budget.tryTake()) extra += 1;
          tooMany = Math.max(tooMany, extra - offered * ratio - initialCount);
        }
        expect(tooMany).toBeLessThan(1e-9);
      },
    ),
  );
});

test('a tenth, earned ten times, is one', () => {
  const budget = retryBudget({ ratio: 0.1, burstCount: 1 });
  for (let offered = 0; offered < 9; offered += 1) budget.offer();
  expect(budget.tryTake()).toBe(false);
  budget.offer();
  expect(budget.tryTake()).toBe(true);
});

test('quiet times save up no more than a burst', () => {
  const budget = retryBudget({ ratio: 0.5, burstCount: 3 });
  for (let offered = 0; offered < 1_000; offered += 1) budget.offer();
  expect([1, 2, 3, 4].map(() => budget.tryTake())).toEqual([true, true, true, false]);
});

import { faultInjector, type FaultInjector } from '../../../localstack/embedded/faults.ts';
import { fixedRandom } from './fixture.ts';

const injector = (chance = 0.5): FaultInjector =>
  faultInjector({ random: fixedRandom(chance), service: 'shop', stage: 'local' });

describe('a switch matches', () => {
  test.each([
    ['queue/items', 'queue/shop-local-items', true],
    ['queue/shop-local-items', 'queue/shop-local-items', true],
    ['queue/items', 'table/shop-local-items', false],
    ['queue/item', 'queue/shop-local-items', false],
    ['queue/items', 'queue/other-local-items', false],
    ['work-queue/worker', 'function/shop-local-work-queue-worker', true],
    ['function/work-queue-worker', 'function/shop-local-work-queue-worker', true],
    ['sharded/shard-1', 'table/shop-local-sharded-shard-1', true],
    ['sharded/shard-1', 'queue/shop-local-sharded-shard-1', false],
    ['queue/worker', 'function/shop-local-queue-worker', false],
    ['bus', 'bus', true],
    ['bus/events', 'bus/shop-local-events', true],
  ])('%p at %p: %p', (at, place, expected) => {
    const faults = injector();
    faults.put([{ at, kind: 'error' }]);
    expect(faults.decide([place]) !== undefined).toBe(expected);
  });
});

test('fires as often as it may, and says how often it did', () => {
  const faults = injector();
  faults.put([{ at: 'bus', kind: 'error', times: 2 }]);
  const fired = Array.from({ length: 4 }, () => faults.decide(['bus'])?.kind);
  expect(fired).toEqual(['error', 'error', undefined, undefined]);
  expect(faults.list()).toEqual([{ at: 'bus', kind: 'error', times: 2, fired: 2 }]);
});

test('fires by its rate, the same with the same seed, and differently with another', () => {
  const run = (seed: number): string => {
    const faults = injector();
    faults.put([{ at: 'bus', kind: 'error', rate: 0.3, seed }]);
    return Array.from({ length: 200 }, () => (faults.decide(['bus']) === undefined ? '.' : 'x')).join('');
  };
  expect(run(1)).toBe(run(1));
  expect(run(1)).not.toBe(run(2));
  const hits = run(1).replaceAll('.', '').length;
  expect(hits).toBeGreaterThan(30);
  expect(hits).toBeLessThan(90);
});

test('the first that fires wins, and one that makes no sense for the call is passed over', () => {
  const faults = injector();
  faults.put([
    { at: 'table/t', kind: 'conflict' },
    { at: 'table/t', kind: 'error', times: 1 },
    { at: 'table/t', kind: 'delay', ms: 1 },
  ]);
  expect(faults.decide(['table/t'], ['error', 'delay'])?.kind).toBe('error');
  expect(faults.decide(['table/t'], ['error', 'delay'])?.kind).toBe('delay');
  expect(faults.decide(['table/t'])?.kind).toBe('conflict');
});

test('is inactive without switches', () => {
  const faults = injector();
  expect(faults.active).toBe(false);
  faults.put([{ at: 'bus', kind: 'error' }]);
  expect(faults.active).toBe(true);
  faults.clear();
  expect([faults.active, faults.list(), faults.decide(['bus'])]).toEqual([false, [], undefined]);
});

test.each([
  [undefined, "'faults' to be a list of at most 100 switches, got nothing"],
  [Array.from({ length: 101 }, () => ({ at: 'bus', kind: 'error' })), "'faults' to be a list of at most 100"],
  [['x'], `'faults[0]' to be an object with at, kind`],
  [[{ at: 'bus' }], `'faults[0]' to be an object with at, kind`],
  [[{ at: 'bus', kind: 'error', rates: 1 }], `'faults[0]' to be an object with at, kind`],
  [[{ at: 'bus', kind: 'boom' }], `'faults[0].kind' to be one of hang, delay, error`],
  [[{ at: 'nowhere', kind: 'error' }], `'faults[0].at' to be a place (queue/<name>`],
  [[{ at: 'bus', kind: 'error', rate: 0 }], `'faults[0].rate' to be a number above 0, up to 1, got 0`],
  [[{ at: 'bus', kind: 'error', times: 0 }], `'faults[0].times' to be an integer from 1 to 1000000, got 0`],
  [[{ at: 'bus', kind: 'hang', ms: -1 }], `'faults[0].ms' to be an integer from 0 to 900000, got -1`],
  [[{ at: 'bus', kind: 'delay' }], `'faults[0].ms' to say how long`],
  [
    [{ at: 'queue/q', kind: 'conflict' }],
    `'faults[0].kind' to be one of hang, delay, error, crash, lose-answer, duplicate, partial at`,
  ],
  [[{ at: 'work-queue/worker', kind: 'partial' }], `'faults[0].kind' to be one of`],
])('refuses %j and changes nothing', (list, message) => {
  const faults = injector();
  faults.put([{ at: 'bus', kind: 'error' }]);
  expect(() => faults.put(list)).toThrow(message);
  expect(faults.list()).toHaveLength(1);
});

import { seededRandom } from '#primitives/memory/random';
import {
  checkPlan,
  stickyOf,
  variantOf,
  type Experiment,
  type ExperimentPlan,
} from '#single-node/ambassador/experiment';

const experiment = (variants: ExperimentPlan['variants'], more: Partial<Experiment> = {}): Experiment => ({
  name: 'e',
  version: 'v',
  rolledBack: [],
  variants,
  ...more,
});
const THREE = [
  { service: 'a', weight: 70 },
  { service: 'b', weight: 20 },
  { service: 'c', weight: 10 },
];
const users = Array.from({ length: 10_000 }, (_, at) => `user-${at}`);
const random = seededRandom(1);
const of = (which: Experiment) => users.map((user) => variantOf(which, user, random));
const countOf = (found: readonly string[], service: string): number => found.filter((each) => each === service).length;

test.each([
  [THREE],
  [
    [
      { service: 'a', weight: 1 },
      { service: 'b', weight: 1 },
    ],
  ],
  [
    [
      { service: 'a', weight: 99 },
      { service: 'b', weight: 1 },
    ],
  ],
  [
    [
      { service: 'stable', weight: 0.9 },
      { service: 'canary', weight: 0.1 },
    ],
  ],
])('10 000 users are within three sigma of the weights: %j', (variants) => {
  const found = of(experiment(variants));
  const total = variants.reduce((sum, { weight }) => sum + weight, 0);
  for (const { service, weight } of variants) {
    const share = weight / total;
    const sigma = Math.sqrt(users.length * share * (1 - share));
    expect(Math.abs(countOf(found, service) - users.length * share)).toBeLessThan(3 * sigma);
  }
});

test('by chance, too', () => {
  const found = users.map(() => variantOf(experiment(THREE), undefined, random));
  expect(Math.abs(countOf(found, 'a') - 7_000)).toBeLessThan(3 * Math.sqrt(10_000 * 0.7 * 0.3));
});

// Written down once. They never change: a change moves users in the midst of an experiment.
const GOLDEN = ['b', 'a', 'c', 'c', 'a', 'a', 'a', 'a'];
const THIRDS = THREE.map((each) => ({ ...each, weight: 1 }));

test('a user gets the same variant on each host, after each restart and in each release: golden vectors', () => {
  const found = ['1', '2', '3', 'anna', 'é', 'e\u0301', '日本', '\ud800'].map((user) =>
    variantOf(experiment(THIRDS), user, seededRandom(Math.floor(random.next() * 1_000))),
  );
  expect(found).toEqual(GOLDEN);
});

test('the order of the variants, and the scale of their weights, are of no matter', () => {
  const other = THREE.toReversed().map(({ service, weight }) => ({ service, weight: weight / 10 }));
  expect(of(experiment(other))).toEqual(of(experiment(THREE)));
});

test('a change of weights moves only those who must move', () => {
  const before = of(experiment(THREE));
  const after = of(experiment(THREE.map((each) => (each.service === 'b' ? { ...each, weight: 40 } : each))));
  const moved = before.flatMap((service, at) => (service === after[at] ? [] : [after[at]]));
  expect(new Set(moved)).toEqual(new Set(['b']));
});

test('what was rolled back, or has no weight, gets nobody; those who had others stay', () => {
  const before = of(experiment(THREE));
  const after = of(experiment(THREE, { rolledBack: ['b'] }));
  expect(after).not.toContain('b');
  expect(after.every((service, at) => service === before[at] || before[at] === 'b')).toBe(true);
  expect(of(experiment([...THREE.slice(0, 2), { service: 'c', weight: 0 }]))).not.toContain('c');
});

test('two experiments draw apart', () => {
  const one = of(
    experiment([
      { service: 'a', weight: 1 },
      { service: 'b', weight: 1 },
    ]),
  );
  const other = of({
    ...experiment([
      { service: 'a', weight: 1 },
      { service: 'b', weight: 1 },
    ]),
    name: 'f',
  });
  const both = one.filter((service, at) => service === 'a' && other[at] === 'a').length;
  expect(Math.abs(both - 2_500)).toBeLessThan(3 * Math.sqrt(10_000 * 0.25 * 0.75));
});

describe('a sender is known by', () => {
  const by = (stickyBy: string | undefined, headers: Record<string, readonly string[]>) =>
    stickyOf({ variants: THREE, stickyBy }, headers);

  test.each([
    ['header:X-User', { 'x-user': ['anna', 'b'] }, 'anna'],
    ['header:X-User', {}, undefined],
    ['header:X-User', { 'x-user': [''] }, undefined],
    ['cookie:id', { cookie: ['a=1; id=x=y ; b=2'] }, 'x=y'],
    ['cookie:id', { cookie: ['a=1', 'id=2'] }, '2'],
    ['cookie:id', { cookie: ['xid=1; idx=2; ID=3'] }, undefined],
    ['cookie:id', { cookie: [';;=;id'] }, undefined],
    [undefined, { 'x-user': ['anna'] }, undefined],
    ['header:constructor', {}, undefined],
    ['header:__proto__', {}, undefined],
  ])('%s in %j: %j', (stickyBy, headers, value) => {
    expect(by(stickyBy, headers)).toBe(value);
  });
});

test.each<[Partial<ExperimentPlan>, string]>([
  [{ variants: [] }, "'variants'"],
  [{ variants: Array.from({ length: 11 }, (_, at) => ({ service: `s${at}`, weight: 1 })) }, "'variants'"],
  [{ variants: [{ service: 'a', weight: -1 }] }, "'variants.0.weight'"],
  [{ variants: [{ service: 'a', weight: Number.NaN }] }, "'variants.0.weight'"],
  [{ variants: [{ service: 'a', weight: 0 }] }, 'above 0 in all'],
  [
    {
      variants: [
        { service: 'a', weight: 1 },
        { service: 'a', weight: 1 },
      ],
    },
    'different services',
  ],
  [{ variants: [{ service: 'a\r\n', weight: 1 }] }, "'variants.0.service'"],
  [{ variants: [{ service: 'constructor', weight: 1 }] }, "'variants.0.service'"],
  [{ stickyBy: 'user' }, "'stickyBy'"],
  [{ stickyBy: 'header:' }, "'stickyBy'"],
  [{ stickyBy: 'header:a b' }, "'stickyBy'"],
  [{ shadow: '' }, "'shadow'"],
  [{ rollback: { errorRate: 1.1, minRequests: 1 } }, "'rollback.errorRate'"],
  [{ rollback: { errorRate: 0.1, minRequests: 0 } }, "'rollback.minRequests'"],
])('a plan that cannot be right is refused: %j', (wrong, message) => {
  expect(() => checkPlan({ variants: THREE, ...wrong })).toThrow(message);
});

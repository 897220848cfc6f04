import { pipeline, WHOLE } from '#batch/event-driven/pipeline';
import { copier, filter, merger, sharder, splitter, topic } from '#batch/event-driven/steps';
import type { Stage } from '#batch/event-driven/types';
import { allFivePipeline } from './all-five-events.ts';

const end = filter({ drop: {} });
const make = (stages: Readonly<Record<string, Stage>>, first = 'a', name = 'p') => pipeline({ name, first, stages });

test('the stages of a pipeline are known in the order in which events pass them', () => {
  expect(allFivePipeline.order).toEqual(['copy', 'keep', 'split', 'shard', 'merge']);
  expect(allFivePipeline.edges.filter(({ to }) => to === 'merge').map(({ label }) => label)).toEqual([
    'split.rest',
    'shard.0',
    'shard.1',
    'shard.2',
  ]);
});

test('it is known what comes to the merger, and what does not', () => {
  const made = make({
    a: copier({ to: ['b', 'c', topic('t')] }),
    b: filter({ to: 'm', drop: {} }),
    c: end,
    m: merger(),
  });
  expect(['a', 'b', 'c', 'm'].map((name) => made.leadsToMerger(name))).toEqual([true, true, false, true]);
  expect(made.leadsToMerger(topic('m'))).toBe(false);
});

test('it is known what comes to each stage, by which input, and what it weighs', () => {
  const made = make({
    a: copier({ to: ['b', 'c', 'd', topic('t')] }),
    b: copier({ to: ['e', 'm'] }),
    c: splitter({ to: { on: 'm', off: topic('t') }, by: () => 'on' }),
    d: end,
    e: sharder({ to: ['m', 'm'] }),
    m: merger(),
  });
  const [half, quarter] = [WHOLE / 2, WHOLE / 4];
  const known = [
    ['a', 'accept', WHOLE],
    ['b', 'a.b', half],
    ['c', 'a.c', half],
    ['d', 'a.d', 0],
    ['e', 'b.e', quarter],
    ['m', 'b.m', quarter],
    ['m', 'e.0', quarter],
    ['m', 'e.1', quarter],
    ['m', 'c.on', half],
    ['m', 'void:a', WHOLE],
    ['m', 'void:b', half],
    ['m', 'void:c', half],
    ['m', 'void:e', quarter],
  ] as const;
  for (const [stage, input, share] of known)
    expect([stage, input, made.shareBy(stage, input)]).toEqual([stage, input, share]);
  const inputs = new Set([...known.map(([, input]) => input), 'void:d', 'void:m', 'c.off', 'a.t', '']);
  const unknown = [...made.order, 'none', 'constructor'].flatMap((stage) =>
    [...inputs].filter((input) => made.shareBy(stage, input) !== undefined).map((input) => `${stage} ${input}`),
  );
  expect(unknown.toSorted()).toEqual(known.map(([stage, input]) => `${stage} ${input}`).toSorted());
});

test('an option of a pipeline that there is not is refused', () => {
  const options = { name: 'p', first: 'a' as const, stages: { a: end } };
  expect(() => pipeline({ ...options, stage: 1 } as never)).toThrow(
    "Expected 'options' to be made of name, first, stages",
  );
  expect(() => pipeline(undefined as never)).toThrow("Expected 'options' to be an object");
});

test('a whole is divisible by every number of branches that a copier may have', () => {
  for (let count = 1; count <= 16; count += 1) expect(WHOLE % count).toBe(0);
});

const SEVENTEEN = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`c${n}`, copier({ to: ['m', topic('t')] })]));

test.each([
  ['a name that is no name', () => make({ a: end }, 'a', 'No'), `Expected 'name' to be kebab-case`],
  ['no stage', () => make({}), `Expected 'stages' to be 1 to 32, got 0.`],
  ['a reserved name', () => make({ accept: end }, 'accept'), 'got "accept"'],
  [
    'a target that is not there',
    () => make({ a: filter({ to: 'b', drop: {} }) }),
    `Expected 'stages.a.out' to be a topic, or one of the stages a, got "b".`,
  ],
  ['a first that is not there', () => make({ a: end }, 'b'), `Expected 'first'`],
  ['a stage that is not reached', () => make({ a: end, b: end }), `got "b"`],
  [
    'a second way to a stage',
    () => make({ a: copier({ to: ['b', 'c'] }), b: filter({ to: 'c', drop: {} }), c: end }),
    'the only way to its stage',
  ],
  ['a circle', () => make({ a: filter({ to: 'b', drop: {} }), b: filter({ to: 'a', drop: {} }) }), 'the only way'],
  ['two mergers', () => make({ a: sharder({ to: ['m', 'n'] }), m: merger(), n: merger() }), 'one merger at most'],
  [
    'more copies than go out at once',
    () =>
      make({
        a: copier({ to: Object.keys(SEVENTEEN) }),
        ...Object.fromEntries(
          Object.keys(SEVENTEEN).map((name, n) => [name, copier({ to: [`x${n}`, `y${n}`, `z${n}`, `w${n}`] })]),
        ),
        ...Object.fromEntries(
          ['x', 'y', 'z', 'w'].flatMap((l) => [0, 1, 2, 3, 4].map((n) => [`${l}${n}`, filter({ to: 'm', drop: {} })])),
        ),
        m: merger(),
      }),
    '16 copies',
  ],
])('%s is refused', (_, run, message) => {
  expect(run).toThrow(message);
});

test('a target that is not a stage is refused, should the types be got round', () => {
  const refused = () =>
    pipeline({
      name: 'p',
      first: 'a',
      stages: { a: filter({ to: 'a-misspelt-name', drop: {} }) } as never,
    });
  expect(refused).toThrow('a-misspelt-name');
});

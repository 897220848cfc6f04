import fc from 'fast-check';
import { shardOf, copier, filter, sharder, splitter, topic, worker } from '#batch/event-driven/steps';
import type { PipelineEvent } from '#batch/event-driven/types';

const event = (type: string, key = 'k'): PipelineEvent => ({ id: 'e', key, type, data: null });
const events = fc.array(
  fc.record({ id: fc.string(), key: fc.string(), type: fc.constantFrom('a', 'b', 'c'), data: fc.constant(null) }),
);

test('a copier sends every event by all of its branches', () => {
  const step = copier({ to: ['mail', topic('copied')] });
  expect(step.decide(event('a'), 1)).toEqual({ kind: 'out', to: ['mail', 'copied'] });
  expect(step.outputs).toEqual({ mail: 'mail', copied: { topic: 'copied' } });
});

test('a filter drops by the first reason that holds, and lets the rest through', () => {
  const step = filter({ to: 'next', drop: { old: ({ type }) => type !== 'a', odd: ({ type }) => type === 'b' } });
  expect(step.decide(event('b'), 1)).toEqual({ kind: 'filtered', reason: 'old' });
  expect(step.decide(event('a'), 1)).toEqual({ kind: 'out', to: ['out'] });
  expect(step.reasons).toEqual(['old', 'odd']);
});

test('the branches of a splitter are disjoint, and together all that came in', () => {
  const step = splitter({ to: { a: 'first', rest: 'second' }, by: ({ type }) => (type === 'a' ? 'a' : 'rest') });
  fc.assert(
    fc.property(events, (all) => {
      const ways = all.map((each) => step.decide(each, 1));
      for (const way of ways) expect(way).toEqual({ kind: 'out', to: [expect.stringMatching(/^(a|rest)$/)] });
      const by = (branch: string) => all.filter((_, at) => JSON.stringify(ways[at]).includes(`"${branch}"`));
      expect([...by('a'), ...by('rest')]).toHaveLength(all.length);
    }),
  );
});

test('a splitter whose predicate names no branch fails: nothing gets lost on the way to nowhere', () => {
  const step = splitter({ to: { a: 'first' }, by: () => 'b' as 'a' });
  expect(() => step.decide(event('x'), 1)).toThrow(`Expected 'by' to be one of a, got "b".`);
});

test('a sharder sends all events of a key to one shard, the same in every release', () => {
  const step = sharder({ to: ['one', 'two', 'three'] });
  expect(['a', 'b', 'ü', 'key-17'].map((key) => shardOf(key, 3))).toEqual(GOLDEN);
  fc.assert(
    fc.property(events, (all) => {
      for (const each of all) expect(step.decide(each, 1)).toEqual({ kind: 'out', to: [String(shardOf(each.key, 3))] });
    }),
  );
  const shares = [0, 0, 0];
  for (let n = 0; n < 9_000; n += 1) {
    const shard = shardOf(`key-${n}`, 3);
    shares[shard] = (shares[shard] ?? 0) + 1;
  }
  for (const share of shares) expect(Math.abs(share - 3_000)).toBeLessThan(200);
});
const GOLDEN = [2, 2, 2, 1];

test('a worker changes type and data of an event, never its id and key', async () => {
  const step = worker({ to: 'next', does: () => ({ type: 'sent', data: { to: 'x' }, id: 'other', key: 'other' }) });
  expect(await step.decide(event('a'), 1)).toEqual({
    kind: 'out',
    to: ['out'],
    change: { type: 'sent', data: { to: 'x' } },
  });
});

test.each([
  ['a copier to one', () => copier({ to: ['a'] }), `Expected 'to' to be two different targets or more, got "a".`],
  ['a copier to twins', () => copier({ to: ['a', 'a'] }), 'two different targets'],
  ['17 shards', () => sharder({ to: Array.from({ length: 17 }, () => 'a') }), 'an integer from 1 to 16'],
  [
    'urgent events by the bus',
    () => filter({ drop: {}, via: 'bus', urgent: () => true }),
    'left out where events come by the bus',
  ],
  ['a topic without a name', () => topic(''), "Expected 'topic' to be 1 to 128"],
  [
    'a way that there is not',
    () => filter({ drop: {}, via: 'post' as never }),
    "Expected 'via' to be 'queue' or 'bus'",
  ],
  ['a reason that decides nothing', () => filter({ drop: { x: 1 as never } }), "Expected 'drop.x' to be a function"],
  ['a filter without reasons', () => filter({ to: 'a' } as never), "Expected 'drop' to be an object with the reasons"],
  [
    'a splitter by a number',
    () => splitter({ to: { a: 'b' }, by: 3 as never }),
    "Expected 'by' to be a function, got 3",
  ],
  ['a splitter to a list', () => splitter({ to: ['b'], by: () => '0' } as never), "Expected 'to' to be an object"],
  ['a worker that does nothing', () => worker({ to: 'a' } as never), "Expected 'does' to be a function"],
  ['shards that are no list', () => sharder({ to: 'a' } as never), "Expected 'to' to be a list of targets"],
  ['copies to nowhere', () => copier({} as never), "Expected 'to' to be a list of targets"],
  ['an urgency that is none', () => filter({ drop: {}, urgent: 1 as never }), "Expected 'urgent' to be a function"],
  ...['', 'a"b', 'a\\b', 'a\nb', 'a\u{7f}', '\ud800', '\uffff', 'x'.repeat(65), 'constructor'].flatMap(
    (name): [string, () => unknown, string][] => [
      [
        `a reason called ${JSON.stringify(name)}`,
        () => filter({ drop: { [name]: () => true } }),
        "Expected 'drop' to be named in 1",
      ],
      [
        `a branch called ${JSON.stringify(name)}`,
        () => splitter({ to: { [name]: 'a' }, by: () => name }),
        "Expected 'to' to be named in 1",
      ],
    ],
  ),
  ['a misspelt option', () => filter({ drop: {}, too: 'a' } as never), 'got "too"'],
])('%s is refused', (_, make, message) => {
  expect(make).toThrow(message);
});

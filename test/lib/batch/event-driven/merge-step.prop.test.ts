import fc from 'fast-check';
import { mergeStep, NEW_KEY, type KeyState, type MergeLimit, type Piece } from '#batch/event-driven/merge-step';
import { WHOLE } from '#batch/event-driven/pipeline';
import type { PipelineEvent } from '#batch/event-driven/types';

const event = (seq: number, input: string): PipelineEvent => ({
  id: `${seq}/${input}`,
  key: 'k',
  type: 't',
  data: null,
});

/** What comes of one number: one event, a word that it was dropped, or some copies of which some were dropped. */
const pieces = (count: number) =>
  fc
    .array(fc.record({ copies: fc.constantFrom(1, 2, 3), dropped: fc.nat({ max: 7 }) }), {
      minLength: count,
      maxLength: count,
    })
    .map((numbers) =>
      numbers.flatMap(({ copies, dropped }, seq) =>
        Array.from({ length: copies }, (_, at): Piece => {
          const input = `in-${at}`;
          const isDropped = (dropped & (1 << at)) !== 0;
          return { seq, input, share: WHOLE / copies, ...(isDropped ? {} : { event: event(seq, input) }) };
        }),
      ),
    );

/** As the shell does it: what is to be held is held, page by page. */
const run = (arrivals: readonly (readonly Piece[])[], limit: MergeLimit, page: number) => {
  let state: KeyState = NEW_KEY;
  const held = new Map<string, Piece>();
  const out: Piece[] = [];
  const nameOf = ({ seq, input }: Piece): string => `${String(seq).padStart(4, '0')}/${input}`;
  for (const batch of arrivals) {
    for (let goesOn = true; goesOn;) {
      const first = [...held.entries()].toSorted(([a], [b]) => (a < b ? -1 : 1)).slice(0, page);
      const step = mergeStep(
        state,
        first.map(([, piece]) => piece),
        batch,
        limit,
      );
      for (const piece of step.freed) held.delete(nameOf(piece));
      for (const piece of step.hold) held.set(nameOf(piece), piece);
      out.push(...step.released);
      goesOn = step.goesOn || step.freed.length > 0;
      ({ state } = step);
    }
  }
  return { out, held: [...held.values()], state };
};

const COUNT = 12;
const LIMIT: MergeLimit = { count: 24, bytes: 10_000 };
const arrivals = pieces(COUNT).chain((all) =>
  fc.record({
    all: fc.constant(all),
    // Everything at least once, in any order, some of it again, in batches of any size.
    order: fc.shuffledSubarray([...all, ...all], { minLength: all.length }).map((some) => [...some, ...all]),
    cut: fc.integer({ min: 1, max: 10 }),
    // An event is some 40 bytes.
    limit: fc.record({ count: fc.integer({ min: 1, max: 24 }), bytes: fc.integer({ min: 1, max: 500 }) }),
  }),
);
const inBatches = (list: readonly Piece[], size: number): readonly (readonly Piece[])[] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, at) => list.slice(at * size, (at + 1) * size));

test('whatever the order of arrival, and however often: all events go out once, in the order of their numbers', () => {
  fc.assert(
    fc.property(arrivals, ({ all, order, cut, limit }) => {
      const { out, held, state } = run(inBatches(order, cut), limit, 100);
      const expected = all.filter((piece) => piece.event !== undefined);
      expect(out.map(({ event: each }) => each?.id)).toEqual(expected.map(({ event: each }) => each?.id));
      expect(held).toEqual([]);
      expect(state.next).toBe(COUNT);
    }),
  );
});

test('what was held goes out as well when only the first of it is seen at a time', () => {
  fc.assert(
    fc.property(arrivals, ({ all, order, cut, limit }) => {
      const { out, held } = run(inBatches(order, cut), limit, 3);
      expect(out).toHaveLength(all.filter((piece) => piece.event !== undefined).length);
      expect(held).toEqual([]);
    }),
  );
});

test('nothing of a number goes out before everything before it, and all of it, was there', () => {
  const [first, second, third]: readonly Piece[] = [
    { seq: 0, input: 'a', share: WHOLE, event: event(0, 'a') },
    { seq: 1, input: 'a', share: WHOLE / 2, event: event(1, 'a') },
    { seq: 1, input: 'b', share: WHOLE / 2 },
  ] as const;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three');
  const held = mergeStep(NEW_KEY, [], [second], LIMIT);
  expect(held).toMatchObject({ released: [], hold: [second], state: { next: 0, highestHeld: 1 } });
  const begun = mergeStep(held.state, [second], [first], LIMIT);
  expect(begun).toMatchObject({ released: [first], hold: [], state: { next: 1 } });
  const ended = mergeStep(begun.state, [second], [third], LIMIT);
  expect(ended).toMatchObject({ released: [second], freed: [second, third], state: { next: 2 } });
  // Old news.
  expect(mergeStep(ended.state, [], [first, second, third], LIMIT)).toMatchObject({
    released: [],
    hold: [],
    freed: [],
  });
});

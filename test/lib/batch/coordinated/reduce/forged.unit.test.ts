import { reductionWorld } from './world.ts';

const ID = 'r';
/** Thirteen parts of 99, of a tree of three levels. */
const [OBJECT_COUNT, PART_COUNT] = [1_200, 13];

/** A reduction of objects of "1" that was created, and whose listing waits. */
const sourceWorld = async () => {
  const place = reductionWorld();
  const { until, bucket, api } = place;
  const put = (_: unknown, index: number) => bucket.put(`in/${index}`, Buffer.from('1'));
  await until(Promise.all(Array.from({ length: OBJECT_COUNT }, put)));
  await until(api.create(ID, { kind: 'sum', source: { bucket: 'texts', prefix: 'in/' } }));
  return place;
};

const NO_PAGE = "reduction 'r' has listed no page";
const NOTHING = "reduction 'r' merges nothing at";

// What is refused behind the listing, and what before it, when nothing is known yet.
const FORGED: readonly (readonly [string, object, string | undefined, string | undefined])[] = [
  ['a part once more', { number: 0 }, undefined, `${NO_PAGE} 0`],
  ['a part that nobody has listed', { number: 17 }, `${NO_PAGE} 17`, `${NO_PAGE} 17`],
  ['a page once more', { page: 1 }, undefined, "reduction 'r' has no page 1 to list"],
  [
    'a page behind the last',
    { page: 13 },
    "reduction 'r' has no page 13 to list",
    "reduction 'r' has no page 13 to list",
  ],
  ['a page far ahead', { page: 500 }, "reduction 'r' has no page 500 to list", "reduction 'r' has no page 500 to list"],
  ['a merge of parts', { merge: { level: 0, index: 1 } }, `${NOTHING} 0/1`, `${NOTHING} 0/1`],
  ['a merge too early', { merge: { level: 1, index: 1 } }, undefined, undefined],
  ['a merge beside the tree', { merge: { level: 1, index: 7 } }, `${NOTHING} 1/7`, undefined],
  ['a merge above the root', { merge: { level: 3, index: 0 } }, `${NOTHING} 3/0`, undefined],
];

const expectWhole = async ({ until, api, deadLetters, queue }: ReturnType<typeof reductionWorld>, reason?: string) => {
  const view = { kind: 'sum', status: 'done', parts: PART_COUNT, items: OBJECT_COUNT, result: OBJECT_COUNT };
  expect(await until(api.view(ID))).toEqual(view);
  const letters = await until(deadLetters.receive({ maxCount: 10 }));
  expect(letters.map(({ attributes }) => attributes.reason)).toEqual(reason === undefined ? [] : [reason]);
  expect(await until(queue.depth())).toMatchObject({ visibleCount: 0, inFlightCount: 0 });
};

test.each(FORGED)('%s, said behind the listing, does the reduction no harm', async (_, body, reason) => {
  const place = await sourceWorld();
  await place.send({ reductionId: ID, ...body });
  await place.drain();
  await expectWhole(place, reason);
});

test.each(FORGED)('%s, said before the listing, does the reduction no harm', async (_, body, _behind, reason) => {
  const place = await sourceWorld();
  // Received, and not handled: it comes again.
  await place.until(place.queue.receive({ maxCount: 1 }));
  await place.send({ reductionId: ID, ...body });
  await place.drain();
  await place.later();
  await place.drain();
  await expectWhole(place, reason);
});

test('the objects of a part are those of the listing, whatever a message says', async () => {
  const place = await sourceWorld();
  await place.send({ reductionId: ID, number: 0, keys: [] });
  await place.drain();
  const known = '{kind, items}, {kind, source}, {kind, open: true}, {reductionId, items} or {reductionId, close: true}';
  await expectWhole(place, `invalid message: Expected ${known}`);
});

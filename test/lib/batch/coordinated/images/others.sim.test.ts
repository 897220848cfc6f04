import { world } from '#simulation/world';
import { pipelineIn } from './simulated.ts';

/** Between a create of one picture and its end somebody else does something, early and late. */
const amid = async (early: (place: Place) => Promise<unknown>, late?: (place: Place) => Promise<unknown>) => {
  const w = world({ seed: 6 });
  const place = pipelineIn(w);
  await w.until(place.media.put('z.png', Buffer.from('red')));
  await w.until(early(place));
  await w.until(place.api.create('set', { source: { bucket: 'media', prefix: '' } }));
  if (late !== undefined) {
    // A join that waits is looked after without end: so it is never quiet.
    await w.until(w.clock.sleep(30_000));
    await w.until(late(place));
  }
  await w.untilQuiet();
  const original = await w.until(place.media.get('z.png'));
  return { view: await w.until(place.api.view('set')), isLeft: original !== undefined };
};
type Place = ReturnType<typeof pipelineIn>;

/** One picture, when somebody else has made a join that the pipeline makes. */
const besides = async (joinId: string) => {
  const w = world({ seed: 4 });
  const { api, media, joined } = pipelineIn(w);
  await w.until(media.put('z.png', Buffer.from('red')));
  await w.until(joined.create(joinId, { branches: ['a'], deadlineMs: 60_000 }));
  await w.until(api.create('set', { source: { bucket: 'media', prefix: '' } }));
  await w.untilQuiet();
  expect(await w.until(media.get('z.png'))).toBeDefined();
  return w.until(api.view('set'));
};

test("a join of somebody else under the images' name fails them, and they say so", async () => {
  expect(await besides('images-set')).toMatchObject({
    status: 'failed',
    reason: "there is another join 'images-set'",
  });
});

test('one under the name of an image fails that image', async () => {
  expect(await besides('image-set-0')).toMatchObject({
    status: 'done',
    failed: [{ key: 'z.png', reason: "there is another join 'image-set-0'" }],
  });
});

test('a join of somebody else with such a name makes no report when it fires', async () => {
  const w = world({ seed: 5 });
  const { joined, reduced } = pipelineIn(w);
  await w.until(joined.create('images-other', { branches: ['a'] }));
  await w.until(joined.arrive('images-other', 'a'));
  await w.untilQuiet();
  expect(await w.until(reduced.view('images-other'))).toBeUndefined();
});

test.each([
  ['one branch', ['mine']],
  ['as many branches as there are steps', ['a', 'b', 'c']],
])('an original stays when a join of somebody else under its name fires, of %s', async (_, branches) => {
  const { view, isLeft } = await amid(
    ({ joined }) => joined.create('image-set-0', { branches }),
    async ({ joined }) => {
      for (const branch of branches) await joined.arrive('image-set-0', branch);
    },
  );
  const failed = [{ key: 'z.png', reason: "there is another join 'image-set-0'" }];
  expect(view).toMatchObject({ status: 'done', done: 0, failed });
  expect(isLeft).toBe(true);
});

test('an original stays when somebody else has arrived in the name of a step that is not done', async () => {
  const { view, isLeft } = await amid(async ({ joined, imageQueue }) => {
    await joined.create('image-set-0', { branches: ['tag', 'blur', 'thumbnail'] });
    for (const step of ['blur', 'thumbnail']) await joined.arrive('image-set-0', step);
    // Before ingest: this one step runs, and is the last.
    await imageQueue.sendBatch([{ body: JSON.stringify({ imagesId: 'set', image: 0, key: 'z.png', step: 'tag' }) }]);
  });
  const failed = [{ key: 'z.png', reason: "blur: somebody else has arrived at join 'image-set-0'" }];
  expect(view).toMatchObject({ status: 'done', done: 0, failed, report: {} });
  expect(isLeft).toBe(true);
});

test.each(['image-set-0', 'images-set'])(
  'what is said of join %s before it has fired changes nothing',
  async (joinId) => {
    const w = world({ seed: 7 });
    const { api, media, imageQueue } = pipelineIn(w);
    await w.until(media.put('z.png', Buffer.from('red')));
    await w.until(api.create('set', { source: { bucket: 'media', prefix: '' } }));
    for (let times = 0; times < 3; times += 1) {
      await w.send(imageQueue, [{ body: JSON.stringify({ joinId, outcome: 'complete' }) }]);
      await w.until(w.clock.sleep(40));
    }
    await w.untilQuiet();
    expect(await w.until(api.view('set'))).toMatchObject({ status: 'done', done: 1, failed: [], report: { red: 1 } });
    expect(await w.until(media.list({ prefix: 'made/set/0/' }))).toMatchObject({ objects: { length: 3 } });
  },
);

test.each([
  ['open', { kind: 'sum', open: true }],
  ['done', { kind: 'count', items: [{ id: 'q' }] }],
] as const)("a reduction of somebody else under the report's name that is %s fails the images", async (_, plan) => {
  const reason = "there is another reduction 'images-set'";
  const { view } = await amid(({ reduced }) => reduced.create('images-set', plan));
  expect(view).toMatchObject({ status: 'failed', reason });
  const w = world({ seed: 9 });
  const { api, reduced } = pipelineIn(w);
  await w.until(reduced.create('images-none', plan));
  await w.until(api.create('none', { source: { bucket: 'media', prefix: '' } }));
  await w.untilQuiet();
  expect(await w.until(api.view('none'))).toMatchObject({ status: 'failed', reason: reason.replace('set', 'none') });
});

test('another one is no report as long as images are running', async () => {
  const w = world({ seed: 10 });
  const { api, media, reduced } = pipelineIn(w);
  await w.until(reduced.create('images-set', { kind: 'count', items: [{ id: 'q' }] }));
  await w.until(media.put('z.png', Buffer.from('red')));
  await w.untilQuiet();
  await w.until(api.create('set', { source: { bucket: 'media', prefix: '' } }));
  const seen = new Set<string | undefined>();
  w.watch(async () => {
    seen.add((await api.view('set'))?.status);
  });
  await w.untilQuiet();
  expect([...seen]).toEqual(['listing', 'running', 'failed']);
});

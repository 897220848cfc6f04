import type { FaultRule } from '#primitives/memory/fault-rules';
import { holdAll } from '#simulation/checkers';
import { seeds, type Scenario } from '#simulation/sweep';
import { world } from '#simulation/world';
import { pipelineIn } from './simulated.ts';

const TIMEOUT_MS = 180_000;
/** Steps of every image. */
const STEP_COUNT = 3;

const FILES = ['1-red', '2-broken', '3-blue', '4-blue', '5-broken'];
const isBroken = (key: string): boolean => key.includes('broken');

/** Small pictures and broken ones through the pipeline; an original must outlive its last step. */
const scenario: Scenario = async (w) => {
  const { api, media, letters } = pipelineIn(w);
  const early: string[] = [];
  for (const file of FILES) {
    const body = Buffer.from(file.slice(2));
    await w.client(() => media.put(`in/${file}`, body));
  }
  w.watch(async ({ operation, name }) => {
    if (operation !== 's3.DeleteObject' || name !== 'media') return;
    for (const [image, file] of FILES.entries()) {
      const original = await media.get(`in/${file}`);
      const { objects } = await media.list({ prefix: `made/set/${image}/` });
      if (original === undefined && objects.length < STEP_COUNT) early.push(`${file} is gone before its steps`);
    }
  });
  await w.client(() => api.create('set', { source: { bucket: 'media', prefix: 'in/' } }));
  await w.untilQuiet();
  const view = await api.view('set');
  const left = (await media.list({ prefix: 'in/' })).objects.map(({ key }) => key);
  const depths = await Promise.all(letters.map((queue) => queue.depth()));
  const reported = Object.values(view?.report ?? {}).reduce((sum, count) => sum + count, 0);
  const good = FILES.filter((file) => !isBroken(file)).length;
  holdAll(
    early,
    view?.status === 'done' && view.done === good && view.total === FILES.length ? [] : [JSON.stringify(view)],
    reported === good && view?.report?.['blue'] === 2 ? [] : [`${reported} in the report`],
    left.every(isBroken) && left.length === FILES.length - good ? [] : [`left: ${left.join()}`],
    depths.every(({ visibleCount }) => visibleCount === 0) ? [] : ['dead letters'],
  );
};

test(
  'images go through all steps, each once, broken ones are named, originals go last, and the report is of the good ones',
  () => expect(scenario(world({ seed: 1 }))).resolves.toBeUndefined(),
  TIMEOUT_MS,
);

test(
  'the same in 60 seeds with crashes, lost answers and duplicates',
  async () => {
    const faults = (): readonly FaultRule[] => [
      { kind: 'crash', rate: 0.01 },
      { kind: 'crash-after', rate: 0.01 },
      { kind: 'lose-answer', rate: 0.01 },
      { kind: 'duplicate', rate: 0.01 },
      { kind: 'error', rate: 0.01 },
      { kind: 'partial', rate: 0.01 },
    ];
    const { faultCount } = await seeds(scenario, { count: 60, faults });
    expect(faultCount).toBeGreaterThan(150);
  },
  TIMEOUT_MS,
);

/** Of one picture behind all of these in the listing. */
const behind = async (keys: readonly string[]) => {
  const w = world({ seed: 3 });
  const place = pipelineIn(w);
  await w.until(Promise.all(keys.map((key) => place.media.put(key, Buffer.from('red')))));
  await w.until(place.media.put('z.png', Buffer.from('red')));
  await w.until(place.api.create('set', { source: { bucket: 'media', prefix: '' } }));
  await w.untilQuiet();
  return { ...place, view: await w.until(place.api.view('set')) };
};
const numbered = (count: number, name: (at: string) => string): readonly string[] =>
  Array.from({ length: count }, (_, at) => name(String(at).padStart(5, '0')));

test('however many pictures were made before, the listing goes on behind them', async () => {
  const { view } = await behind(numbered(10_300, (at) => `made/old/${at}`));
  expect(view).toMatchObject({ status: 'done', total: 1, done: 1, report: { red: 1 } });
});

test('a listing of more than it can take fails, and says so', async () => {
  const { view } = await behind(numbered(10_050, (at) => `in/${at}/`));
  expect(view).toMatchObject({ status: 'failed', reason: 'more than 10000 objects were listed' });
});

test.each([
  ['media', ['made/old.png', 'z.png'], 1],
  ['elsewhere', [], 2],
])('what lies under made/ is an original, but in the bucket where things are made: %s', async (madeIn, left, total) => {
  const w = world({ seed: 8 });
  const { api, media } = pipelineIn(w, madeIn);
  for (const key of ['made/old.png', 'z.png']) await w.until(media.put(key, Buffer.from('red')));
  await w.until(api.create('set', { source: { bucket: 'media', prefix: '' }, keepOriginals: left.length > 0 }));
  await w.untilQuiet();
  expect(await w.until(api.view('set'))).toMatchObject({ status: 'done', total, done: total, report: { red: total } });
  const { objects } = await w.until(media.list({}));
  expect(objects.map(({ key }) => key).filter((key) => !key.startsWith('made/set/'))).toEqual(left);
});

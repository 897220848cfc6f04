import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { imageConsumer } from '#batch/coordinated/images/consumer';
import { images } from '#batch/coordinated/images/images';
import type { Pictures } from '#batch/coordinated/images/pictures';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import { PermanentFailure } from '#batch/work-queue/types';
import type { FaultRule } from '#primitives/memory/fault-rules';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { outside } from '#simulation/processes';
import { holdAll } from '#simulation/checkers';
import { seeds, type Scenario } from '#simulation/sweep';
import { world, type World } from '#simulation/world';
import { quiet } from '../../work-queue/world.ts';

const KEEP_MS = 3_600_000;
const TIMEOUT_MS = 180_000;
/** Steps of every image. */
const STEP_COUNT = 3;

/** What decodes pictures takes real time: here a picture is its colour, and what is no colour is broken. */
const pictures: Pictures = {
  read: async (bucket, key) => {
    const object = await bucket.get(key);
    const format = object === undefined ? 'gone' : Buffer.from(object.body).toString();
    if (!/^(red|blue)$/.test(format)) throw new PermanentFailure(`'${format}' is no picture`);
    return { bytes: new Uint8Array(1), format };
  },
  colours: async ({ format }) => [{ colour: format === 'red' ? 'red' : 'blue', share: 1 }],
  blurred: async ({ bytes }) => bytes,
  thumbnail: async ({ bytes }) => bytes,
};

/** The whole pipeline as the template wires it. */
const pipelineIn = (w: World) => {
  const [table, effects, bus, media] = [w.table('state'), w.table('effects'), w.bus('events'), w.bucket('media')];
  const queueOf = (name: string): readonly [Queue, Queue] => {
    const deadLetters = w.queue(`${name}-dead-letters`);
    return [w.queue(name, { deadLetter: { queue: deadLetters, maxReceiveCount: 1_000 } }), deadLetters];
  };
  const [joinQueue, joinLetters] = queueOf('joins');
  const [reduceQueue, reduceLetters] = queueOf('reductions');
  const [imageQueue, imageLetters] = queueOf('images');
  const common = { table, clock: w.clock, random: w.random, log: quiet, keepMs: KEEP_MS };
  const joinOptions = { ...common, effects, bus, queue: joinQueue, watch: { firstMs: 5_000, limitMs: 60_000 } };
  const reduceOptions = { ...common, queue: reduceQueue, bucketOf: () => media };
  const imageOptions = {
    ...common,
    queue: imageQueue,
    bucketOf: () => media,
    made: media,
    pictures,
    joins: joins(joinOptions),
    reductions: reductions(reduceOptions),
  };
  const feed = (name: string, queue: Queue, batchSize: number, boot: () => (one: ReceivedMessage) => Promise<void>) => {
    const handler = () => {
      const consume = boot();
      return (event: SqsEvent) => partialBatch(messagesOf(event), consume, { concurrency: 1 });
    };
    w.source({ queue, batchSize, function: w.function({ name, boot: handler }) });
  };
  feed('joins', joinQueue, 10, () => joinConsumer({ ...joinOptions, deadLetters: joinLetters, patience: 9 }));
  const limits = { patience: 9, maxReceiveCount: 30 };
  feed('reductions', reduceQueue, 4, () =>
    reductionConsumer({ ...reduceOptions, ...limits, deadLetters: reduceLetters }),
  );
  feed('images', imageQueue, 1, () =>
    imageConsumer({ ...imageOptions, deadLetters: imageLetters, maxReceiveCount: 30 }),
  );
  // The rule of the template: what joins of the pipeline tell the bus are messages of its queue.
  bus.subscribe(async ({ type, detail }) => {
    if (type !== 'join.fired' || !/^"images?-/.test(JSON.stringify(detail['joinId']))) return;
    // The platform delivers until the queue has it.
    await outside(() => imageQueue.sendBatch([{ body: JSON.stringify(detail) }]));
  });
  const { joins: joined, reductions: reduced } = imageOptions;
  return { api: images(imageOptions), joined, reduced, media, letters: [joinLetters, reduceLetters, imageLetters] };
};

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

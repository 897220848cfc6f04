import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { imageConsumer } from '#batch/coordinated/images/consumer';
import { images } from '#batch/coordinated/images/images';
import type { Pictures } from '#batch/coordinated/images/pictures';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import { PermanentFailure } from '#batch/work-queue/types';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { outside } from '#simulation/processes';
import type { World } from '#simulation/world';
import { quiet } from '../../work-queue/world.ts';

const KEEP_MS = 3_600_000;

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
export const pipelineIn = (w: World, madeIn = 'media') => {
  const [table, effects, bus, media] = [w.table('state'), w.table('effects'), w.bus('events'), w.bucket('media')];
  const made = madeIn === 'media' ? media : w.bucket(madeIn);
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
    made,
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
  const letters = [joinLetters, reduceLetters, imageLetters];
  return { api: images(imageOptions), joined, reduced, media, imageQueue, letters };
};

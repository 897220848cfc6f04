import { imageConsumer } from '#batch/coordinated/images/consumer';
import { images } from '#batch/coordinated/images/images';
import { sharpPictures } from '#batch/coordinated/images/picture';
import { PatternError, UnavailableError } from '#primitives/errors';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { quiet } from '../../work-queue/world.ts';
import { joinWorld } from '../join/world.ts';
import { reductionWorld } from '../reduce/world.ts';

const pipelineOf = (error: Error) => {
  const { clock, table, api } = joinWorld();
  const queue = memoryQueue({ name: 'images', clock });
  const media = memoryObjects({ name: 'media' });
  const list = async (): Promise<never> => {
    throw error;
  };
  const options = {
    table,
    queue,
    bucketOf: () => ({ ...media, list }),
    made: media,
    pictures: sharpPictures,
    joins: api,
    reductions: reductionWorld().api,
    clock,
    random: seededRandom(1),
    log: quiet,
    keepMs: 3_600_000,
  };
  const consume = imageConsumer({
    ...options,
    deadLetters: memoryQueue({ name: 'dead-letters', clock }),
    maxReceiveCount: 3,
  });
  const handleNext = async (): Promise<void> => {
    const body = { imagesId: 'i', source: { bucket: 'nowhere', prefix: '' } };
    await clock.until(queue.sendBatch([{ body: JSON.stringify(body) }]));
    for (const message of await clock.until(queue.receive({ maxCount: 1 }))) await clock.until(consume(message));
  };
  return { handleNext, view: () => clock.until(images(options).view('i')) };
};

test('images of a bucket that is not there have failed at once, with that reason', async () => {
  const { handleNext, view } = pipelineOf(
    new PatternError('primitives/refused', 'ListObjectsV2 nowhere: NoSuchBucket'),
  );
  await handleNext();
  expect(await view()).toMatchObject({ status: 'failed', reason: 'ListObjectsV2 nowhere: NoSuchBucket' });
});

test('those of one that does not answer now are listed later', async () => {
  const { handleNext, view } = pipelineOf(new UnavailableError('ListObjectsV2 nowhere'));
  await expect(handleNext()).rejects.toThrow('list images: gave up after 6 tries');
  expect(await view()).toMatchObject({ status: 'listing' });
});

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { thumbnailWorker } from '#batch/work-queue/thumbnail-worker';
import { PermanentFailure, type WorkContext } from '#batch/work-queue/types';
import { memoryObjects } from '#primitives/memory/objects';
import { byText, itemIdOf, quiet, world } from './world.ts';

const MEDIA = path.resolve(import.meta.dirname, '../../../../media');
const manifest: readonly {
  readonly file: string;
  readonly about: string;
  readonly broken?: string;
  readonly bytes: number;
}[] = JSON.parse(await readFile(path.join(MEDIA, 'manifest.json'), 'utf8'));

const bucket = memoryObjects({ name: 'media' });
const context: WorkContext = {
  jobId: 'job',
  effectKey: 'job/id',
  attempt: 1,
  isFirst: true,
  signal: new AbortController().signal,
  log: quiet,
};

const run = async (
  body: Uint8Array | undefined,
  options: { maxBytes?: number; maxPixels?: number } = {},
  id = 'id',
) => {
  if (body !== undefined) await bucket.put('original', body);
  else await bucket.delete('original');
  const worker = thumbnailWorker({ bucketOf: () => bucket, thumbnails: bucket, ...options });
  return worker.run({ id, payload: { bucket: 'media', key: 'original' } }, context);
};

const image = (file: string) => readFile(path.join(MEDIA, 'images', file));

describe('of the bundled images', () => {
  test('there are some forty good ones and some broken ones, in less than a megabyte', () => {
    expect(manifest.filter(({ broken }) => broken === undefined).length).toBeGreaterThanOrEqual(40);
    expect(manifest.filter(({ broken }) => broken !== undefined).length).toBeGreaterThanOrEqual(5);
    expect(manifest.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(1_000_000);
  });

  test.each(manifest.filter(({ broken }) => broken === undefined))(
    '$file ($about) gets a thumbnail',
    async ({ file }) => {
      const output = await run(await image(file));
      const stored = await bucket.get('thumbnails/job/id.webp');
      expect(output).toMatchObject({
        key: 'thumbnails/job/id.webp',
        width: 160,
        height: 160,
        bytes: stored?.body.length,
      });
      expect(stored?.contentType).toBe('image/webp');
      expect(await sharp(stored?.body).metadata()).toMatchObject({ format: 'webp', width: 160, height: 160 });
    },
  );

  test.each([
    ['broken-cut-off.png', 'the png image is damaged: its pixels cannot be read'],
    ['broken-text.jpg', 'not an image in a known format'],
    ['broken-empty.gif', 'the file is empty'],
    ['broken-magic.jpg', 'not an image in a known format'],
    ['broken-bomb.png', 'the image declares 60000 × 60000 pixels, at most 50000000 are decoded'],
    ['broken-header-only.webp', 'not an image in a known format'],
  ])('%s fails for good: %s', async (file, reason) => {
    expect(manifest.find((entry) => entry.file === file)?.broken).toBeTruthy();
    const failure = run(await image(file));
    await expect(failure).rejects.toThrow(PermanentFailure);
    await expect(failure).rejects.toThrow(reason);
  });

  test('every broken one is in the table above', () => {
    expect(manifest.filter(({ broken }) => broken !== undefined)).toHaveLength(6);
  });
});

test('tells the format of the original, avif by its own name', async () => {
  for (const [file, sourceFormat] of [
    ['square.avif', 'avif'],
    ['square.tiff', 'tiff'],
    ['no-suffix', 'jpeg'],
    ['vector.svg', 'svg'],
  ] as const) {
    expect(await run(await image(file))).toMatchObject({ sourceFormat });
  }
});

test('turns an image upright as its EXIF data says', async () => {
  const half = (colour: string) => ({ create: { width: 100, height: 50, channels: 3 as const, background: colour } });
  const redOverBlue = await sharp({ create: { width: 100, height: 100, channels: 3, background: 'blue' } })
    .composite([{ input: half('red'), top: 0, left: 0 }])
    .withMetadata({ orientation: 3 })
    .jpeg()
    .toBuffer();
  await run(redOverBlue);
  const stored = await bucket.get('thumbnails/job/id.webp');
  const { data } = await sharp(stored?.body)
    .extract({ left: 80, top: 10, width: 1, height: 1 })
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect(data[2]).toBeGreaterThan(200);
  expect(data[0]).toBeLessThan(60);
});

test('what is too large, or not there, fails for good', async () => {
  await expect(run(undefined)).rejects.toThrow("no object 'original' in bucket 'media'");
  await expect(run(await image('square.png'), { maxBytes: 10 })).rejects.toThrow(
    /^object 'original' has \d+ bytes, at most 10 are read$/,
  );
  await expect(run(await image('square.png'), { maxPixels: 10 })).rejects.toThrow(
    'the image declares 320 × 320 pixels',
  );
});

test('a bucket that does not answer is no fault of the image', async () => {
  const silent = { ...bucket, get: () => Promise.reject(new Error('no answer')) };
  const worker = thumbnailWorker({ bucketOf: () => silent, thumbnails: bucket });
  const failure = worker.run({ id: 'id', payload: { bucket: 'media', key: 'k' } }, context);
  await expect(failure).rejects.not.toBeInstanceOf(PermanentFailure);
});

test('an id that is too long for a key is stood for by its digest', async () => {
  const output = await run(await image('square.png'), {}, 'x'.repeat(1_024));
  expect(output.key).toMatch(/^thumbnails\/job\/[0-9a-f]{64}\.webp$/);
});

test('a job over all images ends with every good one done and exactly the broken ones as dead letters', async () => {
  const media = memoryObjects({ name: 'media' });
  const w = world({
    isRealTime: true,
    media,
    workers: [thumbnailWorker({ bucketOf: () => media, thumbnails: media })],
  });
  for (const { file } of manifest) await media.put(`in/${file}`, await image(file));
  await w.api.createJob('job', { worker: 'thumbnail', source: { bucket: 'media', prefix: 'in/' } });
  await w.drain();
  const broken = manifest.filter((entry) => entry.broken !== undefined).map(({ file }) => `in/${file}`);
  expect(await w.api.progress('job')).toMatchObject({
    status: 'done-with-failures',
    total: manifest.length,
    done: manifest.length - broken.length,
    failed: broken.length,
  });
  const letters = await w.deadLetters();
  expect(letters.map(itemIdOf).toSorted(byText)).toEqual(broken.toSorted());
  expect(letters.every(({ attributes }) => (attributes.reason ?? '') !== '')).toBe(true);
});

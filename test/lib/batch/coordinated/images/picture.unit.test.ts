import { readFileSync } from 'node:fs';
import sharp from 'sharp';
import { colourOf, sharesOf } from '#batch/coordinated/images/colours';
import { blurredOf, coloursOf, readPicture, thumbnailOf } from '#batch/coordinated/images/picture';
import { memoryObjects } from '#primitives/memory/objects';

const TIMEOUT_MS = 60_000;

const pictureOf = async (file: string, body: Uint8Array = readFileSync(`media/images/${file}`)) => {
  const bucket = memoryObjects({ name: 'media' });
  await bucket.put(file, body);
  return readPicture(bucket, file);
};
const solid = (background: string, width = 40, height = 30) =>
  sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toBuffer();

test.each([
  [0, 0, 0, 'black'],
  [255, 255, 255, 'white'],
  [128, 130, 128, 'grey'],
  [250, 20, 10, 'red'],
  [255, 140, 0, 'orange'],
  [120, 70, 20, 'brown'],
  [250, 240, 20, 'yellow'],
  [20, 160, 40, 'green'],
  [30, 60, 220, 'blue'],
  [140, 20, 220, 'purple'],
  [255, 80, 180, 'pink'],
])('%i, %i, %i is %s: %s', (red, green, blue, name) => {
  expect(colourOf(red, green, blue)).toBe(name);
});

test('shares of colours add up to one, the largest first', () => {
  const pixels = new Uint8Array([255, 0, 0, 255, 0, 0, 0, 0, 255, 255, 255, 255]);
  expect(sharesOf(pixels, 3)).toEqual([
    { colour: 'red', share: 0.5 },
    { colour: 'blue', share: 0.25 },
    { colour: 'white', share: 0.25 },
  ]);
  expect(sharesOf(new Uint8Array(), 3)).toEqual([]);
});

test(
  'the dominant colour of a picture is that which most of it has, whatever its format',
  async () => {
    for (const file of [
      'landscape.jpg',
      'landscape.png',
      'landscape.gif',
      'landscape.webp',
      'grey.jpg',
      'four-inks.jpg',
    ]) {
      const colours = await coloursOf(await pictureOf(file));
      expect(colours.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 1);
    }
    expect(await coloursOf(await pictureOf('x', await solid('#1040e0')))).toEqual([{ colour: 'blue', share: 1 }]);
    expect((await coloursOf(await pictureOf('grey.jpg'))).every(({ colour }) => /black|white|grey/.test(colour))).toBe(
      true,
    );
  },
  TIMEOUT_MS,
);

test('a region is made unrecognisable, and what is beside it stays as it is', async () => {
  // Stripes of two pixels: sharp edges everywhere.
  const [width, height] = [200, 100];
  const data = Buffer.alloc(width * height * 3, 0).map((_, at) => (Math.floor(at / 6) % 2 === 0 ? 255 : 0));
  const striped = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const blurred = await blurredOf(await pictureOf('s', striped), [{ left: 0.5, top: 0, width: 0.5, height: 1 }]);
  const { data: out, info } = await sharp(blurred).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const contrast = (from: number, to: number): number => {
    const line = Array.from({ length: to - from }, (_, at) => out[(50 * info.width + from + at) * info.channels] ?? 0);
    return Math.max(...line) - Math.min(...line);
  };
  expect(contrast(10, 90)).toBeGreaterThan(150);
  expect(contrast(120, 180)).toBeLessThan(60);
});

test('regions at the edges, and of the smallest pictures, are within them', async () => {
  for (const file of ['one-pixel.png', 'one-row.png', 'one-column.gif']) {
    const regions = [
      { left: 1, top: 1, width: 1, height: 1 },
      { left: 0, top: 0, width: 0.001, height: 0.001 },
    ];
    expect((await blurredOf(await pictureOf(file), regions)).length).toBeGreaterThan(10);
  }
});

test('a thumbnail is a square of 160 pixels', async () => {
  const { width, height, format } = await sharp(await thumbnailOf(await pictureOf('panorama.jpg'))).metadata();
  expect({ width, height, format }).toEqual({ width: 160, height: 160, format: 'webp' });
});

test.each([
  ['broken-text.jpg', 'not an image in a known format'],
  ['broken-empty.gif', 'not an image in a known format'],
  ['broken-bomb.png', 'the image declares 60000 × 60000 pixels, at most 50000000 are decoded'],
])('%s fails for good: %s', async (file, reason) => {
  await expect(pictureOf(file)).rejects.toThrow(reason);
});

test('one that breaks off is found when it is decoded, and one that is not there at once', async () => {
  await expect(coloursOf(await pictureOf('broken-cut-off.png'))).rejects.toThrow('is damaged');
  await expect(readPicture(memoryObjects({ name: 'media' }), 'x')).rejects.toThrow("no object 'x' in bucket 'media'");
});

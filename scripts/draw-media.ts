/**
 * Draws the images of `media/`, which the demo and the tests put through the work queue: many sizes and formats, and
 * some that are broken in different ways. Everything is computed here, so that it may be given away with the project;
 * what the manifest says of a file is what this script did to it. Run `node scripts/draw-media.ts` to draw them again.
 *
 * The video needs an `ffmpeg` on the PATH; without it the one that is there stays.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp, { type Sharp } from 'sharp';

const MEDIA = path.resolve(import.meta.dirname, '../media');
const IMAGES = path.join(MEDIA, 'images');
const VIDEO = path.join(MEDIA, 'videos/hills.mp4');
const FFMPEG = 'ffmpeg';

interface Drawing {
  readonly file: string;
  readonly about: string;
  /** Why nobody can make a thumbnail of it. */
  readonly broken?: string;
  readonly bytes: Uint8Array;
}

const hue = (seed: number): string => `hsl(${(seed * 47) % 360}, 65%, 55%)`;

/** A scene of a sky, hills and a sun: different for each seed, the same in every run. */
const scene = (width: number, height: number, seed: number): Buffer => {
  const unit = Math.min(width, height);
  const hills = [0, 1, 2].map((layer) => {
    const base = height * (0.5 + layer * 0.15);
    const crest = base - unit * (0.1 + ((seed * 13 + layer * 7) % 10) / 40);
    const middle = width * (0.2 + ((seed * 7 + layer * 3) % 10) / 16);
    return `<path d="M0 ${base} Q${middle} ${crest} ${width} ${base} V${height} H0 Z" fill="${hue(seed + layer * 2)}"/>`;
  });
  const sun = `<circle cx="${width * (0.2 + (seed % 7) / 10)}" cy="${height * 0.25}" r="${unit * 0.12}" fill="${hue(seed + 5)}"/>`;
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">` +
      `<rect width="${width}" height="${height}" fill="${hue(seed + 3)}"/>${sun}${hills.join('')}</svg>`,
  );
};

const drawn = (width: number, height: number, seed: number): Sharp =>
  sharp(scene(width, height, seed)).resize(width, height, { fit: 'fill' });

type Encode = (image: Sharp) => Sharp;

const ENCODERS: readonly (readonly [string, Encode])[] = [
  ['png', (image) => image.png({ palette: true, effort: 10 })],
  ['jpg', (image) => image.flatten().jpeg({ quality: 60 })],
  ['webp', (image) => image.webp({ quality: 60 })],
  ['gif', (image) => image.gif()],
  ['avif', (image) => image.avif({ quality: 40, effort: 2 })],
  ['tiff', (image) => image.tiff({ compression: 'deflate' })],
];

const SIZES: readonly (readonly [string, number, number])[] = [
  ['square', 320, 320],
  ['landscape', 640, 400],
  ['portrait', 300, 520],
  ['panorama', 1_600, 200],
  ['tower', 90, 900],
];

const sizesInFormats = async (): Promise<Drawing[]> => {
  const pairs = ENCODERS.flatMap(([format, encode]) => SIZES.map((size) => ({ format, encode, size })));
  return Promise.all(
    pairs.map(async ({ format, encode, size: [shape, width, height] }, index) => ({
      file: `${shape}.${format}`,
      about: `${format}, ${width} × ${height}`,
      bytes: await encode(drawn(width, height, index)).toBuffer(),
    })),
  );
};

const pixels = (width: number, height: number, seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: width * height * 4 }, (_, index) => (index * (seed + 3)) % 256));

const specials = async (): Promise<Drawing[]> => {
  const draw = async (file: string, about: string, image: Sharp): Promise<Drawing> => ({
    file,
    about,
    bytes: await image.toBuffer(),
  });
  const animated = [1, 2, 3].map((seed) => pixels(60, 40, seed));
  return [
    await draw('one-pixel.png', 'png, 1 × 1', drawn(1, 1, 40).png()),
    await draw('one-row.png', 'png, 400 × 1', drawn(400, 1, 41).png()),
    await draw('one-column.gif', 'gif, 1 × 400', drawn(1, 400, 42).gif()),
    await draw('transparent.png', 'png with alpha', drawn(240, 180, 43).ensureAlpha(0.4).png()),
    await draw('sixteen-bit.png', 'png, 16 bits a channel', drawn(160, 120, 44).toColourspace('rgb16').png()),
    await draw('grey.jpg', 'jpeg, grey', drawn(300, 200, 45).greyscale().jpeg()),
    await draw('four-inks.jpg', 'jpeg, CMYK', drawn(300, 200, 46).flatten().toColourspace('cmyk').jpeg()),
    await draw('progressive.jpg', 'jpeg, progressive', drawn(300, 200, 47).flatten().jpeg({ progressive: true })),
    await draw(
      'turned.jpg',
      'jpeg, turned by EXIF',
      drawn(300, 200, 48).flatten().withMetadata({ orientation: 6 }).jpeg(),
    ),
    await draw(
      'moving.gif',
      'gif, 3 frames',
      sharp(Buffer.concat(animated), { raw: { width: 60, height: 120, channels: 4, pageHeight: 40 } }).gif({
        delay: [200, 200, 200],
      }),
    ),
    { file: 'vector.svg', about: 'svg', bytes: scene(300, 300, 49) },
    {
      file: 'no-suffix',
      about: 'a jpeg without a suffix',
      bytes: await drawn(200, 200, 50).flatten().jpeg().toBuffer(),
    },
    {
      file: 'rain ☂ + space.webp',
      about: 'webp with a name that has to be encoded',
      bytes: await drawn(200, 200, 51).webp().toBuffer(),
    },
  ];
};

/** One chunk of a PNG: length, type, data and the sum over type and data. */
const pngChunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};

const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A PNG of a few bytes that says it has as many pixels as it likes. */
const pngThatDeclares = (width: number, height: number): Buffer => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const data = deflateSync(Buffer.alloc(4_096));
  return Buffer.concat([
    PNG_SIGNATURE,
    pngChunk('IHDR', header),
    pngChunk('IDAT', data),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
};

const broken = async (): Promise<Drawing[]> => {
  const whole = await drawn(400, 300, 60).png().toBuffer();
  const photo = await drawn(400, 300, 61).flatten().jpeg().toBuffer();
  return [
    {
      file: 'broken-cut-off.png',
      about: 'png',
      broken: 'cut off after the first third',
      bytes: whole.subarray(0, whole.length / 3),
    },
    {
      file: 'broken-text.jpg',
      about: 'text',
      broken: 'a text that is called .jpg',
      bytes: Buffer.from('This is no picture, whatever its name says.\n'),
    },
    { file: 'broken-empty.gif', about: 'nothing', broken: 'an empty file', bytes: new Uint8Array() },
    {
      file: 'broken-magic.jpg',
      about: 'jpeg',
      broken: 'its first bytes are not those of a jpeg',
      bytes: Buffer.concat([Buffer.from('NOPE'), photo.subarray(4)]),
    },
    {
      file: 'broken-bomb.png',
      about: 'png',
      broken: 'declares 60 000 × 60 000 pixels in a file of a few bytes',
      bytes: pngThatDeclares(60_000, 60_000),
    },
    {
      file: 'broken-header-only.webp',
      about: 'webp',
      broken: 'ends after its header',
      bytes: Buffer.from('RIFF\x24\x00\x00\x00WEBPVP8 ', 'latin1'),
    },
  ];
};

const drawings = [...(await sizesInFormats()), ...(await specials()), ...(await broken())].toSorted((a, b) =>
  a.file < b.file ? -1 : 1,
);
await rm(IMAGES, { recursive: true, force: true });
await mkdir(IMAGES, { recursive: true });
for (const { file, bytes } of drawings) await writeFile(path.join(IMAGES, file), bytes);
const manifest = drawings.map(({ bytes, ...entry }) => ({ ...entry, bytes: bytes.length }));
await writeFile(path.join(MEDIA, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`);
const total = drawings.reduce((sum, { bytes }) => sum + bytes.length, 0);
console.log(`${drawings.length} images, ${Math.round(total / 1024)} KiB, in ${path.relative('.', IMAGES) || IMAGES}`);

/** A second of hills, with the index behind the frames: a reader has to go back in the file, as with most videos. */
const drawVideo = async (): Promise<string> => {
  const frames = await Promise.all([70, 71, 72, 73].map((seed) => drawn(240, 136, seed).png().toBuffer()));
  await mkdir(path.dirname(VIDEO), { recursive: true });
  const input = ['-f', 'image2pipe', '-framerate', '4', '-i', 'pipe:0'];
  const encode = ['-c:v', 'libx264', '-crf', '36', '-pix_fmt', 'yuv420p', '-threads', '1', '-fflags', '+bitexact'];
  const { error, status } = spawnSync(FFMPEG, ['-y', '-loglevel', 'error', ...input, ...encode, VIDEO], {
    input: Buffer.concat(frames),
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  if (error !== undefined) return `no video was drawn: ${error.message}`;
  return status === 0 ? `1 video in ${path.relative('.', VIDEO)}` : `ffmpeg ended with ${status}`;
};
console.log(await drawVideo());

import type { Objects } from '#primitives/objects';
import { readObject } from '../../work-queue/read-object.ts';
import { PermanentFailure } from '../../work-queue/types.ts';
import { sharesOf } from './colours.ts';
import type { Picture, Pictures, Share } from './pictures.ts';
import type { Region } from './types.ts';

const MAX_BYTES = 33_554_432;
const MAX_PIXELS = 50_000_000;
const THUMBNAIL_PX = 160;
/** Colours don't need more. */
const SAMPLE_PX = 64;
/** The longest edge of a blurred copy. */
const COPY_PX = 1_600;
const MIN_SIGMA = 6;
/** Of the width of a region: what is drawn with thinner lines is gone. */
const SIGMA_SHARE = 0.1;

/** sharp is loaded with the first image. */
const loadSharp = async () => {
  const { default: sharp } = await import('sharp');
  // The messages of a batch are what runs side by side.
  sharp.concurrency(1);
  return sharp;
};

/**
 * Reads an original.
 *
 * @throws {@link PermanentFailure} when it is no image, too large, or not there
 */
export const readPicture = async (bucket: Objects, key: string): Promise<Picture> => {
  const { body: bytes } = await readObject(bucket, key, MAX_BYTES);
  const sharp = await loadSharp();
  try {
    const { width, height, format } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (width * height <= MAX_PIXELS) return { bytes, format };
    throw new PermanentFailure(`the image declares ${width} × ${height} pixels, at most ${MAX_PIXELS} are decoded`);
  } catch (error) {
    if (error instanceof PermanentFailure) throw error;
    throw new PermanentFailure('not an image in a known format', error);
  }
};

/** Decodes, upright. What cannot be decoded fails for good. */
const decoded = async <T>(
  { bytes, format }: Picture,
  work: (image: ReturnType<Awaited<ReturnType<typeof loadSharp>>>) => Promise<T>,
): Promise<T> => {
  const sharp = await loadSharp();
  try {
    return await work(sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: 'error' }).autoOrient());
  } catch (error) {
    throw new PermanentFailure(`the ${format} image is damaged: its pixels cannot be read`, error);
  }
};

/** Which colours a picture has, the most frequent first. */
export const coloursOf = (picture: Picture): Promise<readonly Share[]> =>
  decoded(picture, async (image) => {
    const { data, info } = await image
      .resize(SAMPLE_PX, SAMPLE_PX, { fit: 'inside', withoutEnlargement: true })
      // What shines through is seen on white.
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    return sharesOf(data, info.channels);
  });

/** The picture in small: cut to a square around its middle. */
export const thumbnailOf = (picture: Picture): Promise<Uint8Array> =>
  decoded(picture, (image) => image.resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: 'cover' }).webp().toBuffer());

const within = (start: number, length: number, size: number) => {
  const from = Math.min(size - 1, Math.floor(start * size));
  return { from, length: Math.max(1, Math.min(size - from, Math.ceil(length * size))) };
};

/** The picture with some of its regions made unrecognisable, at most 1 600 pixels wide and high. */
export const blurredOf = (picture: Picture, regions: readonly Region[]): Promise<Uint8Array> =>
  decoded(picture, async (image) => {
    const sharp = await loadSharp();
    const { data, info } = await image
      .resize(COPY_PX, COPY_PX, { fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const raw = { raw: { width: info.width, height: info.height, channels: info.channels } };
    const patches = [];
    for (const region of regions) {
      const [x, y] = [within(region.left, region.width, info.width), within(region.top, region.height, info.height)];
      const place = { left: x.from, top: y.from };
      const sigma = Math.max(MIN_SIGMA, Math.max(x.length, y.length) * SIGMA_SHARE);
      const patch = sharp(data, raw).extract({ ...place, width: x.length, height: y.length });
      patches.push({ input: await patch.blur(sigma).png().toBuffer(), ...place });
    }
    return sharp(data, raw).composite(patches).webp().toBuffer();
  });

/**
 * The work on pictures by sharp, for what sharp reads.
 *
 * @see https://sharp.pixelplumbing.com/
 */
export const sharpPictures: Pictures = Object.freeze<Pictures>({
  read: readPicture,
  colours: coloursOf,
  blurred: blurredOf,
  thumbnail: thumbnailOf,
});

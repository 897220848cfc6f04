import * as v from 'valibot';
import type { Objects } from '#primitives/objects';
import { sha256 } from '#primitives/sha256';
import { readObject } from './read-object.ts';
import { DIRECT } from './records.ts';
import { PermanentFailure, SkippedItem, type Worker } from './types.ts';
import { videoFormat, type VideoFormat } from './video-format.ts';
import type { VideoFrame } from './video-frame.ts';

const EDGE_PX = 160;
const MAX_KEY_BYTES = 1_024;

const payload = v.strictObject({
  bucket: v.pipe(v.string(), v.minLength(3), v.maxLength(63)),
  key: v.pipe(v.string(), v.minLength(1), v.maxLength(MAX_KEY_BYTES)),
});

export interface ThumbnailWorkerOptions {
  /** The bucket that an original lies in. */
  readonly bucketOf: (name: string) => Objects;
  /** Where thumbnails go: `thumbnails/<jobId>/<id>.webp`. */
  readonly thumbnails: Objects;
  /** Larger files are refused. 32 MiB unless told. */
  readonly maxBytes?: number;
  /** Images that declare more pixels are refused before they are decoded. 50 million unless told. */
  readonly maxPixels?: number;
  /** Takes a picture out of a video. Without it videos are skipped. */
  readonly videoFrame?: VideoFrame;
}

/** The key decides itself by job and item, so that a second run replaces the first one's thumbnail by its like. */
const thumbnailKey = (jobId: string | undefined, id: string): string => {
  const key = `thumbnails/${jobId ?? DIRECT}/${id}.webp`;
  return Buffer.byteLength(key) <= MAX_KEY_BYTES ? key : `thumbnails/${jobId ?? DIRECT}/${sha256(id)}.webp`;
};

const FORMATS: ReadonlyMap<string, string> = new Map([['heif', 'avif']]);

/** sharp is loaded with the first image: functions that do other work start without it. */
const loadSharp = async () => {
  const { default: sharp } = await import('sharp');
  // The items of a batch are what runs side by side.
  sharp.concurrency(1);
  return sharp;
};

/** Size and format from the file's head. Reasons are ours: the decoder's texts change with its versions. */
const inspect = async (sharp: Awaited<ReturnType<typeof loadSharp>>, body: Uint8Array) => {
  try {
    return await sharp(body, { limitInputPixels: false, failOn: 'error' }).metadata();
  } catch (error) {
    throw new PermanentFailure('not an image in a known format', error);
  }
};

/** The picture in a file: the file itself, or a frame of the video that it is. */
const pictureIn = async (
  body: Uint8Array,
  videoFrame: VideoFrame | undefined,
  signal: AbortSignal,
): Promise<{ readonly picture: Uint8Array; readonly video: VideoFormat | undefined }> => {
  const video = videoFormat(body);
  if (video === undefined) return { picture: body, video };
  if (videoFrame === undefined) throw new SkippedItem(`a ${video} video: no program that reads videos is here`);
  return { picture: await videoFrame(body, video, signal), video };
};

/**
 * Makes a thumbnail of 160 × 160, in WebP, of any image that sharp reads: cut to a square around its middle, turned
 * upright as its EXIF data says. The output tells its key, size and what the original was.
 *
 * Of a video it takes the first frame; where nothing reads videos they are skipped, with that reason.
 *
 * What is no image, is damaged, too large, or not there fails for good, with a reason; what the bucket refuses for the
 * moment is tried again.
 *
 * @see https://sharp.pixelplumbing.com/
 */
export const thumbnailWorker = (options: ThumbnailWorkerOptions): Worker<v.InferOutput<typeof payload>, Thumbnail> => {
  const { bucketOf, thumbnails, videoFrame, maxBytes = 32 * 1_048_576, maxPixels = 50_000_000 } = options;
  return Object.freeze<Worker<v.InferOutput<typeof payload>, Thumbnail>>({
    name: 'thumbnail',
    payload,
    run: async ({ id, payload: { bucket, key } }, { jobId, signal }) => {
      const { body } = await readObject(bucketOf(bucket), key, maxBytes);
      if (body.length === 0) throw new PermanentFailure('the file is empty');
      const { picture, video } = await pictureIn(body, videoFrame, signal);
      const sharp = await loadSharp();
      const { width, height, format } = await inspect(sharp, picture);
      if (width * height > maxPixels) {
        throw new PermanentFailure(`the image declares ${width} × ${height} pixels, at most ${maxPixels} are decoded`);
      }
      signal.throwIfAborted();
      const image = sharp(picture, { limitInputPixels: maxPixels, failOn: 'error', sequentialRead: true })
        .autoOrient()
        .resize(EDGE_PX, EDGE_PX, { fit: 'cover' })
        .webp();
      const sourceFormat = video ?? FORMATS.get(format) ?? format;
      const { data, info } = await image.toBuffer({ resolveWithObject: true }).catch((error: unknown) => {
        throw new PermanentFailure(`the ${sourceFormat} image is damaged: its pixels cannot be read`, error);
      });
      const target = thumbnailKey(jobId, id);
      await thumbnails.put(target, data, { contentType: 'image/webp' });
      return { key: target, width: info.width, height: info.height, bytes: data.length, sourceFormat };
    },
  });
};

/** What the work gives: a type alias, since only such a one counts as JSON. */
export type Thumbnail = {
  readonly key: string;
  readonly width: number;
  readonly height: number;
  readonly bytes: number;
  readonly sourceFormat: string;
};

import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Objects } from '#primitives/objects';
import type { Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Fields, Key, Table } from '#primitives/table';
import { jitteredPause, type Pause } from '../../pause.ts';
import { sendAll } from '../../work-queue/send.ts';
import type { Joins } from '../join/join.ts';
import type { Reductions } from '../reduce/reductions.ts';
import type { Pictures } from './pictures.ts';
import type { Region } from './types.ts';

export interface ImagesOptions {
  readonly table: Table;
  /** The queue that the consumer of images reads; the events of joins `image-…` and `images-…` come to it, too. */
  readonly queue: Queue;
  /** The bucket that originals lie in. */
  readonly bucketOf: (name: string) => Objects;
  /** Where what is made of them goes: `made/<imagesId>/<image>/…`. */
  readonly made: Objects;
  readonly pictures: Pictures;
  readonly joins: Joins;
  readonly reductions: Reductions;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly keepMs: number;
}

export interface ImagesStore extends ImagesOptions {
  readonly pause: Pause;
  send(messages: readonly object[]): Promise<void>;
}

export const imagesStore = (options: ImagesOptions): ImagesStore => {
  const pause = jitteredPause(options);
  return Object.freeze<ImagesStore>({
    ...options,
    pause,
    send: (messages) =>
      sendAll(
        options.queue,
        messages.map((message) => ({ body: JSON.stringify(message) })),
        pause,
      ),
  });
};

/** The records: the head, and the pages of the listing as it was made first. */
export const headKey = (id: string): Key => ({ partition: `images/${id}`, sort: 'head' });
export const pageKey = (id: string, page: number): Key => ({ partition: `images/${id}`, sort: `page/${page}` });

/** The join of an image, that of all of them, and the reduction, by their names. */
export const imageJoin = (id: string, image: number): string => `image-${id}-${image}`;
export const allJoin = (id: string): string => `images-${id}`;
export const reportOf = (id: string): string => `images-${id}`;

/** Where what is made of an image lies. */
export const madeKey = (id: string, image: number, name: string): string => `made/${id}/${image}/${name}`;

export interface Head {
  readonly bucket: string;
  readonly prefix: string;
  readonly blur: readonly Region[];
  readonly keepOriginals: boolean;
  readonly total: number | undefined;
  /** The reduction by the name of the report is that of these images. */
  readonly isReported: boolean;
  readonly reason: string | undefined;
}

/** Where faces often are. There is no detector here: who knows better says so. */
const MIDDLE: readonly Region[] = [{ left: 0.25, top: 0.25, width: 0.5, height: 0.5 }];

export const readHead = (fields: Fields): Head => ({
  bucket: typeof fields.bucket === 'string' ? fields.bucket : '',
  prefix: typeof fields.prefix === 'string' ? fields.prefix : '',
  // As text: a table takes fewer numbers than there are doubles.
  blur: typeof fields.blur === 'string' ? (JSON.parse(fields.blur) as readonly Region[]) : MIDDLE,
  keepOriginals: fields.keepOriginals === true,
  total: typeof fields.total === 'number' ? fields.total : undefined,
  isReported: fields.reported === true,
  reason: typeof fields.reason === 'string' ? fields.reason : undefined,
});

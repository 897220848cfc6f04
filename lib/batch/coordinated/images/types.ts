/** A part of a picture, in fractions of its width and height. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** What is to be done with which images. */
export interface ImagesPlan {
  readonly source: { readonly bucket: string; readonly prefix: string };
  /** What is made unrecognisable. Default: the middle of the picture. */
  readonly blur?: readonly Region[] | undefined;
  /** The originals stay. */
  readonly keepOriginals?: boolean | undefined;
}

/** The steps of every image: each is a branch of its join. */
export const STEPS = ['tag', 'blur', 'thumbnail'] as const;
export type Step = (typeof STEPS)[number];

export const MAX_IMAGES = 1_000;
/** Of a listing: what is neither an image nor made of one counts, too. */
export const MAX_PAGES = 100;
export const MAX_REGIONS = 16;
/** Longer ids would make the names of joins too long. */
export const MAX_ID_LENGTH = 48;

/**
 * - `listing`: it is not known yet how many images there are.
 * - `running`: not all images are through, or the report is not there yet.
 * - `done`: every image is through, the report is there.
 * - `failed`: it will never be; see the reason.
 */
export type ImagesStatus = 'listing' | 'running' | 'done' | 'failed';

export interface ImagesView {
  readonly status: ImagesStatus;
  readonly total: number | null;
  /** Through all steps, and those of which a step has failed: their originals stay. */
  readonly done: number;
  readonly failed: readonly { readonly key: string; readonly reason: string }[];
  /** How many images have which dominant colour. */
  readonly report?: Readonly<Record<string, number>>;
  readonly reason?: string;
}

import type { Objects } from '#primitives/objects';
import type { Colour } from './colours.ts';
import type { Region } from './types.ts';

/** A picture that was looked at: that it is one, and that decoding it takes no more than it may. */
export interface Picture {
  readonly bytes: Uint8Array;
  readonly format: string;
}

/** How much of a picture has a colour, 0..1. */
export interface Share {
  readonly colour: Colour;
  readonly share: number;
}

/** What the steps do with a picture. What fails for good is a `PermanentFailure`; anything else is tried again. */
export interface Pictures {
  read(bucket: Objects, key: string): Promise<Picture>;
  /** The most frequent first. */
  colours(picture: Picture): Promise<readonly Share[]>;
  /** A copy with the regions made unrecognisable, as WebP. */
  blurred(picture: Picture, regions: readonly Region[]): Promise<Uint8Array>;
  /** A small one, as WebP. */
  thumbnail(picture: Picture): Promise<Uint8Array>;
}

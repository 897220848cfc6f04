import { bytesOf } from './event-size.ts';
import { WHOLE } from './pipeline.ts';
import type { PipelineEvent } from './types.ts';

/** What comes to the merger for one number of a key: an event, or the word that so much of it will not come. */
export interface Piece {
  readonly seq: number;
  /** Which of the pieces of its number it is: the branch that it came by, or who left it out. */
  readonly input: string;
  /** What it weighs, of {@link WHOLE}. */
  readonly share: number;
  /** Absent when it is left out. */
  readonly event?: PipelineEvent;
}

export interface KeyState {
  /** The first number of which not everything was released. */
  readonly next: number;
  /** The highest number that something is held of; −1 for none. */
  readonly highestHeld: number;
}

/** So much is taken out in one step at most. The first number goes out whatever its size is. */
export interface MergeLimit {
  readonly count: number;
  /** Of the events, as JSON. */
  readonly bytes: number;
}

export const NEW_KEY: KeyState = Object.freeze({ next: 0, highestHeld: -1 });

export interface MergeStep {
  readonly state: KeyState;
  /** What goes out, in this order. */
  readonly released: readonly Piece[];
  /** What is to be held from now on. */
  readonly hold: readonly Piece[];
  /** What was held, or may have been, and is no longer. */
  readonly freed: readonly Piece[];
  /** So many pieces were taken out: what is released, and the words that something will not come. */
  readonly goneCount: number;
  /** What the events among them weigh, as JSON. */
  readonly goneBytes: number;
  /** There is more to be released. */
  readonly goesOn: boolean;
}

const byInput = (a: Piece, b: Piece): number => (a.input < b.input ? -1 : Number(a.input > b.input));

/**
 * One key of a merger: numbers go out one after the other, each when all of it is there. A number that is not complete
 * holds back those behind it, of this key and of no other.
 *
 * Pieces that were released before, or came before, change nothing.
 *
 * @param held What is held of the key from `state.next` on: all of it, or the first of it.
 * @param arrivals In any order.
 * @param limit When it is reached the step ends early, and `goesOn`.
 */
export const mergeStep = (
  state: KeyState,
  held: readonly Piece[],
  arrivals: readonly Piece[],
  limit: MergeLimit,
): MergeStep => {
  const nameOf = ({ seq, input }: Piece): string => `${seq}/${input}`;
  const waiting = new Map(held.map((piece) => [nameOf(piece), piece]));
  const news = new Map<string, Piece>();
  for (const piece of arrivals) {
    const name = nameOf(piece);
    if (piece.seq >= state.next && !waiting.has(name)) news.set(name, piece);
  }
  const byNumber = new Map<number, Piece[]>();
  for (const piece of [...waiting.values(), ...news.values()])
    byNumber.set(piece.seq, [...(byNumber.get(piece.seq) ?? []), piece]);
  const gone: Piece[] = [];
  let { next } = state;
  let goneBytes = 0;
  let goesOn = false;
  for (;;) {
    const pieces = byNumber.get(next) ?? [];
    if (pieces.reduce((sum, { share }) => sum + share, 0) < WHOLE) break;
    // The first number goes out whatever the limit is, so that there is always progress.
    const bytes = pieces.reduce((sum, { event }) => sum + bytesOf(event), 0);
    const isBeyond = gone.length + pieces.length > limit.count || goneBytes + bytes > limit.bytes;
    if (gone.length > 0 && isBeyond) {
      goesOn = true;
      break;
    }
    gone.push(...pieces.toSorted(byInput));
    goneBytes += bytes;
    next += 1;
  }
  const hold = [...news.values()].filter(({ seq }) => seq >= next);
  const highestHeld = Math.max(state.highestHeld, ...hold.map(({ seq }) => seq));
  return {
    state: { next, highestHeld },
    released: gone.filter(({ event }) => event !== undefined),
    hold,
    // What came again may also be held, behind what was seen of it.
    freed: gone.filter(({ seq }) => seq <= state.highestHeld),
    goneCount: gone.length,
    goneBytes,
    goesOn,
  };
};

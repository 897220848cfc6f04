import { PatternError } from '#primitives/errors';
import type { Fields } from '#primitives/table';
import { persist } from '../../pause.ts';
import { numberOf, textOf } from '#primitives/field-values';
import { sha256 } from '#primitives/sha256';
import { pieceKey } from './records.ts';
import type { ReductionStore } from './store.ts';

/** What a record takes beside its other fields, in characters of one to three bytes. */
const PIECE_LENGTH = 120_000;
/** The longest state: beyond it the answer to HTTP would be too long as well. */
const MAX_STATE_BYTES = 4_000_000;

/** The input comes to more than a reduction may hold: another attempt would fail in the same way. */
export class TooLargeError extends PatternError {
  constructor(bytes: number) {
    super('coordinated/too-large', `the result would have ${bytes} bytes, at most ${MAX_STATE_BYTES} are kept`);
  }
}

/** A partial result: the reducer's state as text, and how many items are in it. */
export interface Partial {
  readonly state: string;
  readonly items: number;
}

/**
 * The fields of a partial result. A state that is too long for a record lies beside it, in pieces that are named by what
 * is in them: whoever writes the same state writes the same pieces, so that they may be written before the record is.
 */
export const packPartial = async (
  store: ReductionStore,
  id: string,
  { state, items }: Partial,
  expiresAtMs: number,
): Promise<Fields> => {
  if (state.length <= PIECE_LENGTH) return { state, items };
  const bytes = Buffer.byteLength(state);
  if (bytes > MAX_STATE_BYTES) throw new TooLargeError(bytes);
  const name = sha256(state);
  // Cut anywhere, a pair of surrogates would be two halves that no table takes.
  const pieces = state.toWellFormed().match(new RegExp(`[^]{1,${PIECE_LENGTH}}`, 'gu')) ?? [];
  for (const [at, piece] of pieces.entries())
    await persist('write piece', store.pause, () =>
      store.table.put({ key: pieceKey(id, name, at), fields: { piece }, expiresAtMs }),
    );
  return { pieces: pieces.length, digest: name, items };
};

/** @throws {@link PatternError} when a piece is not there: the record is older than it may be. */
export const unpackPartial = async (store: ReductionStore, id: string, fields: Fields): Promise<Partial> => {
  const items = numberOf(fields.items);
  const { pieces } = fields;
  if (typeof pieces !== 'number') return { state: textOf(fields.state) ?? '', items };
  const name = textOf(fields.digest) ?? '';
  const read = await store.getMany(Array.from({ length: pieces }, (_, at) => pieceKey(id, name, at)));
  const state = read.map((piece) => textOf(piece?.piece) ?? '').join('');
  if (sha256(state) !== name) throw new PatternError('coordinated/lost-piece', `A piece of reduction '${id}' is gone.`);
  return { state, items };
};

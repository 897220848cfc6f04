import type { Fields } from '#primitives/table';
import type { Piece } from './merge-step.ts';
import type { MergeMessage } from './messages.ts';
import { jsonOf, numberOf, textOf } from '#primitives/field-values';

/** What a message brings. */
export const pieceOf = (message: MergeMessage): { readonly key: string; readonly piece: Piece } =>
  'void' in message
    ? { key: message.void.key, piece: { seq: message.seq, input: message.input, share: message.share } }
    : {
        key: message.event.key,
        piece: { seq: message.seq, input: message.input, share: message.share ?? 0, event: message.event },
      };

/** A piece as it is held, and comes out. */
export const pieceFields = ({ seq, input, share, event }: Piece): Fields => ({
  seq,
  input,
  share,
  ...(event === undefined ? {} : { event: { ...event } }),
});

const eventOf = (fields: Fields): Piece['event'] => {
  const { event } = fields;
  if (typeof event !== 'object' || event === null || event instanceof Set || Array.isArray(event)) return undefined;
  const { id, key, type, data } = event as Fields;
  return { id: textOf(id) ?? '', key: textOf(key) ?? '', type: textOf(type) ?? '', data: jsonOf(data) ?? null };
};

export const readPiece = (fields: Fields): Piece => {
  const event = eventOf(fields);
  return {
    seq: numberOf(fields.seq),
    input: textOf(fields.input) ?? '',
    share: numberOf(fields.share),
    ...(event === undefined ? {} : { event }),
  };
};

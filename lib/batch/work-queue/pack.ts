import type { ReceivedMessage } from '#primitives/queue';
import { parseMessage, type Parsed } from '../message.ts';
import { itemMessage, packMessage, type ItemMessage } from './messages.ts';
import type { JobItem } from './types.ts';

/** More would not fit into one call of the queue with nine others like it. */
const MAX_PACK_BYTES = 100_000;

/** An item of a message: what names it, and a message that holds it alone. */
export interface Unpacked {
  readonly item: ItemMessage;
  /** The same delivery; in the body this item alone, and in the attribute `part` its place, when there are several. */
  readonly message: ReceivedMessage;
  readonly isPacked: boolean;
}

const isPack = (body: string): boolean => body.includes('"pack"') && parseMessage(packMessage, body).ok;

/** The items of a message: one, or those that were packed into it. */
export const unpack = (message: ReceivedMessage): Parsed<readonly Unpacked[]> => {
  if (!isPack(message.body)) {
    const single = parseMessage(itemMessage, message.body);
    return single.ok ? { ok: true, value: [{ item: single.value, message, isPacked: false }] } : single;
  }
  const parsed = parseMessage(packMessage, message.body);
  if (!parsed.ok) return parsed;
  const { pack, ...common } = parsed.value;
  const items = pack.map((each): ItemMessage => ({ ...common, ...each }));
  return {
    ok: true,
    value: items.map((item, index) => ({
      item,
      message: {
        ...message,
        body: JSON.stringify(item),
        attributes: { ...message.attributes, part: String(index) },
      },
      isPacked: true,
    })),
  };
};

/** The name of an item's delivery: that of its message, and its place where there are several. */
export const deliveryId = ({ id, attributes }: Pick<ReceivedMessage, 'id' | 'attributes'>): string =>
  attributes.part === undefined ? id : `${id}/${attributes.part}`;

/** Items by the message: at most `count` in each, and fewer when they are large. In their order. */
export const packs = (items: readonly JobItem[], count: number): readonly (readonly JobItem[])[] => {
  const found: { bytes: number; items: JobItem[] }[] = [];
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item));
    const last = found.at(-1);
    if (last === undefined || last.items.length >= count || last.bytes + bytes > MAX_PACK_BYTES)
      found.push({ bytes, items: [item] });
    else {
      last.bytes += bytes;
      last.items.push(item);
    }
  }
  return found.map((each) => each.items);
};

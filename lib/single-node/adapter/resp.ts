import { PatternError } from '#primitives/errors';

/** An error that the server replied with, as a value: it may stand inside of an array. */
export interface RedisError {
  readonly error: string;
}

/** A reply of RESP version 2. Texts are read as UTF-8; integers beyond 2^53 lose their last digits. */
export type Reply = string | number | null | RedisError | readonly Reply[];

/** How deep arrays may nest: SLOWLOG needs 3. */
const MAX_DEPTH = 8;
/** What stands before a CRLF: a length, a number, an error. */
const MAX_LINE_BYTES = 4_096;

const CR = 13;

const malformed = (what: string): PatternError =>
  new PatternError('redis/protocol', `Expected a reply of RESP, got ${what}`);

/** A command as an array of bulk strings: whatever the arguments hold, it is one command. */
export const respCommand = (args: readonly string[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join('')}`;

const integerOf = (text: string): number => {
  if (!/^[+-]?\d{1,19}$/.test(text)) throw malformed('no integer');
  return Number(text);
};

interface Open {
  readonly items: Reply[];
  readonly length: number;
}

/**
 * Reads replies out of what comes from a server, in pieces of any size, each byte once.
 *
 * @param options.maxReplyBytes The most that may come without a whole reply.
 * @returns A function that takes a piece and gives the replies that it completed. It throws `redis/protocol` for what
 *   is not RESP 2, and `redis/too-long` for a longer reply.
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export const respReader = (options: { readonly maxReplyBytes: number }): ((piece: Buffer) => readonly Reply[]) => {
  const { maxReplyBytes } = options;
  let pieces: Buffer[] = [];
  let heldBytes = 0;
  let replyBytes = 0;
  /** Nothing is tried before so much is held. */
  let neededBytes = 1;
  let bulkBytes: number | undefined;
  const open: Open[] = [];

  /** Takes one token off the front: a reply, `begun` for the begin of an array, undefined when more must come. */
  const take = (held: Buffer): { readonly end: number; readonly reply?: Reply } | undefined => {
    if (bulkBytes !== undefined) {
      neededBytes = bulkBytes + 2;
      if (held.length < neededBytes) return undefined;
      if (held[bulkBytes] !== CR) throw malformed('a bulk string without its end');
      const reply = held.toString('utf8', 0, bulkBytes);
      bulkBytes = undefined;
      return { end: neededBytes, reply };
    }
    const at = held.subarray(0, MAX_LINE_BYTES).indexOf('\r\n');
    if (at < 0) {
      if (held.length >= MAX_LINE_BYTES) throw malformed('a line without its end');
      neededBytes = held.length + 1;
      return undefined;
    }
    const end = at + 2;
    const text = held.toString('utf8', 1, at);
    switch (held.toString('latin1', 0, 1)) {
      case '+':
        return { end, reply: text };
      case '-':
        return { end, reply: { error: text } };
      case ':':
        return { end, reply: integerOf(text) };
      case '$': {
        const length = integerOf(text);
        if (length < 0) return { end, reply: null };
        if (length > maxReplyBytes) throw new PatternError('redis/too-long', `a reply of over ${maxReplyBytes} bytes`);
        bulkBytes = length;
        return { end };
      }
      case '*': {
        const length = integerOf(text);
        if (length < 0) return { end, reply: null };
        if (length === 0) return { end, reply: [] };
        if (open.length === MAX_DEPTH) throw malformed('arrays that nest too deep');
        open.push({ items: [], length });
        return { end };
      }
      default:
        throw malformed('an unknown type');
    }
  };

  /** Puts a reply where it belongs; gives it back when it is whole, or what it made whole. */
  const place = (reply: Reply): Reply | undefined => {
    let whole: Reply = reply;
    for (;;) {
      const parent = open.at(-1);
      if (parent === undefined) return whole;
      parent.items.push(whole);
      if (parent.items.length < parent.length) return undefined;
      open.pop();
      whole = parent.items;
    }
  };

  return (piece) => {
    pieces.push(piece);
    heldBytes += piece.length;
    replyBytes += piece.length;
    if (heldBytes < neededBytes && replyBytes <= maxReplyBytes) return [];
    const all = Buffer.concat(pieces);
    const replies: Reply[] = [];
    let at = 0;
    for (let token = take(all); token !== undefined; token = at < all.length ? take(all.subarray(at)) : undefined) {
      at += token.end;
      neededBytes = 1;
      const whole = token.reply === undefined ? undefined : place(token.reply);
      if (whole === undefined) continue;
      replies.push(whole);
      replyBytes = all.length - at;
    }
    if (replyBytes > maxReplyBytes) throw new PatternError('redis/too-long', `a reply of over ${maxReplyBytes} bytes`);
    pieces = at < all.length ? [all.subarray(at)] : [];
    heldBytes = all.length - at;
    return replies;
  };
};

import { HOP_BY_HOP } from '#primitives/hop-by-hop';

/** Headers as they came, name and value in turn: order, case and repetition are the sender's. */
export type RawHeaders = readonly string[];

/** Only we know the client: whoever sends these himself makes it up. A program may read `_` as `-`, as CGI does. */
const CLAIMED = /^(x-forwarded-.*|forwarded|x-real-ip)$/;
const plainName = (name: string): string => name.toLowerCase().replaceAll('_', '-');

const pairsOf = (raw: RawHeaders): readonly (readonly [string, string])[] =>
  raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1] ?? ''] as const] : []));

const endToEnd = (raw: RawHeaders): readonly (readonly [string, string])[] => {
  const pairs = pairsOf(raw);
  const named = pairs
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) => value.toLowerCase().split(','))
    .map((name) => name.trim());
  const dropped = new Set([...HOP_BY_HOP, ...named]);
  // Nobody may have these taken out by naming them.
  for (const name of ['host', 'content-length', 'authorization', 'cookie']) dropped.delete(name);
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase()));
};

/** What came from a client, as the program behind is told. */
export interface ClientSide {
  readonly address: string;
  readonly host: string | undefined;
  /** How it came; by TLS unless told. */
  readonly protocol?: 'http' | 'https';
}

/**
 * The headers of a request for the program: the client's own, without those of its connection and without what it
 * claims about itself, and with what we know of it: `X-Forwarded-For`, `-Proto` and `-Host`. `Expect` has been
 * answered already.
 */
export const forwardedHeaders = (raw: RawHeaders, { address, host, protocol = 'https' }: ClientSide): string[] => [
  ...endToEnd(raw)
    .filter(([name]) => !CLAIMED.test(plainName(name)) && name.toLowerCase() !== 'expect')
    .flat(),
  'X-Forwarded-For',
  address.replace(/^::ffff:(?=\d+\.)/i, ''),
  'X-Forwarded-Proto',
  protocol,
  ...(host === undefined ? [] : ['X-Forwarded-Host', host]),
];

/** The headers of an answer for the client: the program's own, without those of its connection. */
export const answerHeaders = (raw: RawHeaders): string[] => endToEnd(raw).flat();

import { checkInteger, checkNames } from '#primitives/checks';
import { fieldOf, gzipFields, varyByEncoding } from './answer-headers.ts';
import type { Headers } from './authenticated.ts';
import type { Decorator, Refused, UnchangedRefusals } from './decorator.ts';

/**
 * An answer whose body is text, as a Lambda function gives it to API Gateway. A type and not an interface, as the next
 * one, so that both are JSON for the compiler, and `idempotent` can keep them.
 */
export type TextAnswer = {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
  /** True when the body stands for bytes: it is left alone. */
  readonly isBase64Encoded?: boolean;
};
/** The same, perhaps compressed. */
export type SentAnswer = {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
};

export interface CompressedOptions {
  /** A shorter body is sent as it is. 0..1_000_000 bytes, default 1 024: below it the head weighs more than is saved. */
  readonly minBytes?: number;
}

/** The weight that a client gives to a coding. @see https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3 */
const weightOf = (accepted: string, coding: string): number => {
  let any = 0;
  for (const part of accepted.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    const quality = parameters.find((text) => text.startsWith('q='))?.slice(2);
    const weight = quality === undefined ? 1 : Number(quality);
    if (name === coding) return Number.isFinite(weight) ? weight : 0;
    if (name === '*') any = weight;
  }
  return any;
};

/** With all else that the answer has, e.g. cookies. */
const plain = (answer: TextAnswer): SentAnswer => {
  const { headers = {}, isBase64Encoded = false } = answer;
  return { ...answer, headers: isBase64Encoded ? headers : varyByEncoding(headers), isBase64Encoded };
};

const isRefused = (answer: TextAnswer | Refused): answer is Refused =>
  'refusal' in answer && typeof answer.refusal === 'string';

/** Off the event loop, and loaded with the first answer that needs it: not every function starts with it. */
const gzipped = async (text: string): Promise<Buffer> => {
  const { gzip } = await import('node:zlib');
  return new Promise((resolve, reject) => {
    gzip(text, (error, bytes) => (error === null ? resolve(bytes) : reject(error)));
  });
};

/**
 * Compresses answers for clients that say that they can read it: gzip, off the event loop. Others get it as it is, and
 * caches are told that the two differ. What has a `content-encoding`, or stands for bytes, stays as it is, and so does a
 * refusal from further in. Of a compressed answer the length is left to who sends it, and its ETag is weak.
 *
 * It stands further out than `idempotent`: what is kept must not be in the coding of one client.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const compressed = (
  options: CompressedOptions = {},
): Decorator<{ readonly headers: Headers }, object, never, TextAnswer | Refused, SentAnswer | UnchangedRefusals> => {
  checkNames(options, ['minBytes']);
  const { minBytes = 1_024 } = options;
  checkInteger('minBytes', minBytes, 0, 1_000_000);
  return Object.freeze({
    after: async (
      answer: TextAnswer | Refused,
      { headers }: { readonly headers: Headers },
    ): Promise<SentAnswer | Refused> => {
      if (isRefused(answer)) return answer;
      const sent = plain(answer);
      const isLeft = sent.isBase64Encoded || fieldOf(sent.headers, 'content-encoding') !== undefined;
      const isWorthIt = !isLeft && Buffer.byteLength(sent.body) >= minBytes;
      if (!isWorthIt || weightOf(headers['accept-encoding'] ?? '', 'gzip') <= 0) return sent;
      const body = (await gzipped(sent.body)).toString('base64');
      return { ...sent, headers: gzipFields(sent.headers), body, isBase64Encoded: true };
    },
  });
};

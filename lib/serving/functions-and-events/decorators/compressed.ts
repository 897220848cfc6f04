import { checkInteger, checkNames } from '#primitives/checks';
import type { Headers } from './authenticated.ts';
import type { Decorator } from './decorator.ts';

/** An answer whose body is text, as a Lambda function gives it to API Gateway. */
export interface TextAnswer {
  readonly statusCode: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}
/** The same, perhaps compressed. */
export interface SentAnswer {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

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

const plain = ({ statusCode, headers = {}, body }: TextAnswer): SentAnswer => ({
  statusCode,
  headers: { ...headers, vary: 'accept-encoding' },
  body,
  isBase64Encoded: false,
});

/**
 * Compresses answers for clients that say that they can read it: gzip, off the event loop. Others get it as it is, and
 * caches are told that the two differ.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const compressed = (
  options: CompressedOptions = {},
): Decorator<{ readonly headers: Headers }, object, never, TextAnswer, SentAnswer> => {
  checkNames(options, ['minBytes']);
  const { minBytes = 1_024 } = options;
  checkInteger('minBytes', minBytes, 0, 1_000_000);
  return Object.freeze({
    after: async (answer: TextAnswer, { headers }: { readonly headers: Headers }): Promise<SentAnswer> => {
      const isEncoded = answer.headers?.['content-encoding'] !== undefined;
      const isWorthIt = !isEncoded && Buffer.byteLength(answer.body) >= minBytes;
      if (!isWorthIt || weightOf(headers['accept-encoding'] ?? '', 'gzip') <= 0) return plain(answer);
      // Loaded with the first answer that needs it: not every function starts with it.
      const { gzip } = await import('node:zlib');
      const bytes = await new Promise<Buffer>((resolve, reject) => {
        gzip(answer.body, (error, zipped) => (error === null ? resolve(zipped) : reject(error)));
      });
      const sent = plain(answer);
      return {
        ...sent,
        headers: { ...sent.headers, 'content-encoding': 'gzip' },
        body: bytes.toString('base64'),
        isBase64Encoded: true,
      };
    },
  });
};

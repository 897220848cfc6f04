import { checkInteger, checkNames, refuse } from '#primitives/checks';
import { PatternError, UnavailableError } from '#primitives/errors';

/**
 * Gets a text over HTTP, at most so much of it. Redirects are not followed.
 *
 * @returns A function that gets it; it raises `UnavailableError` when nobody answers with 200, `adapter/too-long` when
 *   there is more.
 * @throws {@link InvalidArgumentError} when the address is not http or https, or `maxBytes` is outside 1..16 777 216
 */
export const fetchText = (options: {
  readonly url: string;
  readonly maxBytes: number;
}): ((signal: AbortSignal) => Promise<string>) => {
  checkNames(options, ['url', 'maxBytes']);
  const { url, maxBytes } = options;
  checkInteger('maxBytes', maxBytes, 1, 16_777_216);
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) throw refuse('url', 'an http or https address', url);
  return async (signal) => {
    const pieces: Uint8Array[] = [];
    let bytes = 0;
    try {
      const response = await fetch(url, { signal, redirect: 'error' });
      if (response.status !== 200) throw new UnavailableError(`status ${response.status}`);
      const body: AsyncIterable<Uint8Array> | readonly never[] = response.body ?? [];
      for await (const piece of body) {
        bytes += piece.length;
        if (bytes > maxBytes)
          throw new PatternError('adapter/too-long', `Expected at most ${maxBytes} bytes, got more`);
        pieces.push(piece);
      }
    } catch (error) {
      throw error instanceof PatternError ? error : new UnavailableError('the statistics', error);
    }
    return Buffer.concat(pieces).toString('utf8');
  };
};

import { gunzipSync } from 'node:zlib';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import type { Objects } from '#primitives/objects';
import { MANIFEST_KEY, objectKeyOf, type Sense, type Words } from './words.ts';

const LOOK_MS = 250;

/** True when the dictionary has been filled in. */
export const isFilledIn = async (objects: Objects): Promise<boolean> => (await objects.get(MANIFEST_KEY)) !== undefined;

/**
 * Finds a word in the dictionary of a bucket, by one call: an object has some hundred words. Undefined where there is no
 * such word. While the dictionary is being filled in it waits, as long as its signal lets it.
 *
 * @throws {@link UnavailableError} when the dictionary has not been filled in
 */
export const dictionarySource =
  (options: { readonly objects: Objects; readonly clock: Clock; readonly patienceMs: number }) =>
  async (word: string, signal: AbortSignal): Promise<readonly Sense[] | undefined> => {
    const { objects, clock, patienceMs } = options;
    const untilMs = clock.monotonicMs() + patienceMs;
    for (;;) {
      const found = await objects.get(objectKeyOf(word));
      if (found !== undefined) {
        const words = JSON.parse(gunzipSync(found.body).toString()) as Words;
        return Object.hasOwn(words, word) ? words[word] : undefined;
      }
      if (clock.monotonicMs() >= untilMs) throw new UnavailableError('the dictionary is being filled in');
      await clock.sleep(LOOK_MS, signal);
    }
  };

import { ObjectTooLargeError } from '#primitives/errors';
import type { Objects, StoredObject } from '#primitives/objects';
import { PermanentFailure } from './types.ts';

/**
 * Reads an object that an item names. API calls: 1.
 *
 * @param maxBytes A larger one is not read.
 * @throws {@link PermanentFailure} when it is too large, or not there; what the bucket refuses for the moment is thrown as
 *   it is
 */
export const readObject = async (bucket: Objects, key: string, maxBytes: number): Promise<StoredObject> => {
  const found = await bucket.get(key, { maxBytes }).catch((error: unknown) => {
    throw error instanceof ObjectTooLargeError ? new PermanentFailure(error.message, error) : error;
  });
  if (found === undefined) throw new PermanentFailure(`no object '${key}' in bucket '${bucket.name}'`);
  return found;
};

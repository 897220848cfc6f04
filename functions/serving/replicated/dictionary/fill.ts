import type { Objects } from '#primitives/objects';
import { MANIFEST_KEY } from './words.ts';

/** Objects that are on their way at a time. */
const PARALLEL = 8;

/**
 * Puts the dictionary into its bucket, the manifest last. Does nothing where it is already; what was broken off is done
 * anew. Two that do it at the same time write the same.
 *
 * @param objects Asked for only when they are needed.
 * @returns How many objects were put.
 */
export const fillBucket = async (
  bucket: Objects,
  objects: () => Promise<ReadonlyMap<string, Uint8Array>>,
): Promise<number> => {
  if ((await bucket.get(MANIFEST_KEY)) !== undefined) return 0;
  const all = await objects();
  const queue = [...all].filter(([key]) => key !== MANIFEST_KEY);
  const putSome = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop())
      await bucket.put(next[0], next[1], { contentType: 'application/gzip' });
  };
  await Promise.all(Array.from({ length: PARALLEL }, putSome));
  const manifest = all.get(MANIFEST_KEY);
  if (manifest === undefined) throw new Error('Expected the packed dictionary to have a manifest.');
  await bucket.put(MANIFEST_KEY, manifest, { contentType: 'application/json' });
  return all.size;
};

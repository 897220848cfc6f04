/** FNV-1a, 32 bits, over UTF-8. @see http://www.isthe.com/chongo/tech/comp/fnv/ */
const fnv1a = (text: string): number => {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
};

/** Mixes the bits, so that the remainder below depends on all of them. The finalizer of MurmurHash3. */
const mixed = (hash: number): number => {
  let bits = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
};

/** Which leaf has a document: the same one in every process, 0..`leafCount` − 1. */
export const leafOf = (id: string, leafCount: number): number => mixed(fnv1a(id)) % leafCount;

/** The name of a leaf, as in answers, keys and functions. */
export const leafName = (leaf: number): string => `leaf-${leaf}`;

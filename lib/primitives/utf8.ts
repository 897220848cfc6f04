const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

/**
 * Compares two texts by the order of their UTF-8 bytes, which is the order of their code points: how tables and buckets
 * sort keys. JavaScript's own `<` compares UTF-16 units and puts U+FF5E behind U+1F600.
 */
export const compareUtf8 = (a: string, b: string): number => {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at += 1) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left === right) continue;
    // A surrogate stands for a code point above every single unit.
    if (isSurrogate(left) !== isSurrogate(right)) return isSurrogate(left) ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
};

/** True for text that UTF-8 can hold and every store keeps. */
export const isClean = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

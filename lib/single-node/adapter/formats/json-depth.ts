/**
 * True when arrays and objects nest deeper than the limit: what JSON writers put on the stack. One pass over the text,
 * valid JSON or not.
 */
export const nestsDeeper = (text: string, limit: number): boolean => {
  let depth = 0;
  let inText = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inText) {
      if (character === '\\') at += 1;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > limit) return true;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  return false;
};

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16)}`;

/**
 * JSON as a queue takes it: U+FFFE and U+FFFF, which SQS refuses and JSON may hold as they are, are written with escapes.
 * What reads it gets them back.
 *
 * @param json In another text that has them they would become what they were not.
 */
export const queueText = (json: string): string => json.replaceAll(/[\uFFFE\uFFFF]/g, escaped);

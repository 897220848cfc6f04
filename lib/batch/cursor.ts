/** The longest sort key, as base64url. */
const MAX_CURSOR_LENGTH = 2_048;

/** A position as clients are given it: text that says nothing to them, and fits into a URL. */
export const encodeCursor = (position: string): string => Buffer.from(position).toString('base64url');

/** The position in a cursor; undefined when it was not made here, or is none of this form. */
export const decodeCursor = (cursor: string, form: RegExp): string | undefined => {
  if (cursor.length > MAX_CURSOR_LENGTH) return undefined;
  const position = Buffer.from(cursor, 'base64url').toString();
  return encodeCursor(position) === cursor && form.test(position) ? position : undefined;
};

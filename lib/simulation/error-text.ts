import { inspect } from 'node:util';

/** What was thrown, as a sentence. Anything can be thrown, also what `String` gives up on. */
export const errorText = (error: unknown): string => {
  if (error instanceof Error) return error.message;
  return typeof error === 'string' ? error : inspect(error);
};

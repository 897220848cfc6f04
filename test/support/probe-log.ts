import type { Log } from '#primitives/log';

/** A log that nobody reads. */
export const quietLog: Log = Object.freeze({
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quietLog,
});

import * as v from 'valibot';
import { LOG_FORMATS } from './log-line.ts';

/** A message of SQS has 1 MiB: lines of a hundred bytes are ten thousand. */
const MAX_LINES = 10_000;
const MAX_TIME_MS = 253_402_300_799_999;

/** Characters that a relative URI may have, so that it is one of a CloudEvent's. */
export const logSource = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._~/@-]{0,199}$/, 'Expected 1 to 200 of A-Z a-z 0-9 . _ ~ / @ -.'),
);

/** What every batch says, by HTTP and by message. */
export const logBatchEntries = {
  /** Who wrote the lines, e.g. `web-1/nginx`. */
  source: v.optional(logSource, 'unknown'),
  format: v.optional(v.picklist(['auto', ...LOG_FORMATS]), 'auto'),
  /**
   * What makes two lines one. `batch`: that they are the same line of the same batch, sent or delivered again.
   * `content`: also that source and text are the same, in another batch, for lines that say when they were written.
   */
  identity: v.optional(v.picklist(['batch', 'content']), 'batch'),
} as const;

/** A batch as it is sent through the queue. */
const logBatch = v.strictObject({
  ...logBatchEntries,
  lines: v.pipe(v.array(v.string()), v.maxLength(MAX_LINES)),
  /** Default: the message's id. */
  batchId: v.optional(v.pipe(v.string(), v.regex(/^[\w.:-]{1,100}$/))),
  /** Default: when the message was sent. */
  receivedAtMs: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_TIME_MS))),
});
export type LogBatch = v.InferOutput<typeof logBatch>;

/** The batch in a message's body, or undefined when it is none. */
export const parseLogBatch = (body: string): LogBatch | undefined => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return undefined;
  }
  const read = v.safeParse(logBatch, value);
  return read.success ? read.output : undefined;
};

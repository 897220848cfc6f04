import type { Pipeline } from './pipeline.ts';
import type { PipelineEvent } from './types.ts';

/**
 * Of one event, as JSON. A record takes 400 KB, and counts up to half as much again as JSON does (a number of one digit
 * is 2 bytes with its comma, and 3 in a record); the rest is for what stages and the merger write beside the event.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export const MAX_EVENT_BYTES = 262_144;
/**
 * What one transaction of the merger takes, as JSON: of what has just come, and of what goes out. Together 2.25 MiB,
 * half as much again as records, and 100 keys: less than the 4 MB of a transaction.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
 */
export const ARRIVAL_BYTES = 1_048_576;
export const RELEASE_BYTES = 1_310_720;

export const bytesOf = (event: PipelineEvent | undefined): number =>
  event === undefined ? 0 : Buffer.byteLength(JSON.stringify(event));

/** The copies of an event go out in one transaction: where there are more than five, each has to be smaller. */
const maxBytesIn = ({ maxCopies }: Pipeline): number =>
  Math.min(MAX_EVENT_BYTES, Math.floor(RELEASE_BYTES / maxCopies));

/** Why the records of a pipeline do not take an event of that size; undefined when they do. */
export const sizeFault = (pipeline: Pipeline, event: PipelineEvent): string | undefined => {
  const [bytes, maxBytes] = [bytesOf(event), maxBytesIn(pipeline)];
  return bytes > maxBytes ? `Expected an event of at most ${maxBytes} bytes as JSON, got ${bytes}` : undefined;
};

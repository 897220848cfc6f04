import { MAX_CALL_BYTES } from './batches.ts';
import type { BusEvent } from './bus.ts';
import { jsonFault } from './table-limits.ts';

/** @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html */
const MAX_NAME_CHARACTERS = 128;
const TIME_BYTES = 14;

/** Bytes of an event as EventBridge counts them. @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html */
export const eventBytes = ({ source, type, detail, atMs }: BusEvent): number =>
  (atMs === undefined ? 0 : TIME_BYTES) +
  Buffer.byteLength(source) +
  Buffer.byteLength(type) +
  Buffer.byteLength(JSON.stringify(detail));

const isName = (text: string): boolean => text.length > 0 && text.length <= MAX_NAME_CHARACTERS && text.isWellFormed();

/** Why no call would take the event, or undefined when nothing is wrong with it. */
export const eventFault = (event: BusEvent): string | undefined => {
  if (!isName(event.source) || event.source.startsWith('aws.')) {
    return `a source that is not 1 to ${MAX_NAME_CHARACTERS} characters, or that speaks for AWS`;
  }
  if (!isName(event.type)) return `a type that is not 1 to ${MAX_NAME_CHARACTERS} characters`;
  if (typeof event.detail !== 'object' || event.detail === null || Array.isArray(event.detail)) {
    return 'a detail that is not an object';
  }
  const fault = jsonFault('detail', event.detail);
  if (fault !== undefined) return fault;
  if (event.atMs !== undefined && !(event.atMs >= 0 && event.atMs <= 8.64e15)) return 'an instant that is none';
  return eventBytes(event) > MAX_CALL_BYTES ? `larger than ${MAX_CALL_BYTES} bytes` : undefined;
};

import { refuse } from './checks.ts';
import type { Json } from './table.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (invocation payload) */
export const MAX_PAYLOAD_BYTES = 6_291_456;
export const MAX_ASYNC_PAYLOAD_BYTES = 1_048_576;

/**
 * The JSON text of a payload.
 *
 * @throws {@link InvalidArgumentError} when it has none, or more than `maxBytes`.
 */
export const payloadText = (payload: Json, maxBytes: number): string => {
  const text: string | undefined = JSON.stringify(payload);
  if (text === undefined) throw refuse('payload', 'JSON', payload);
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw refuse('payload', `at most ${maxBytes} bytes as JSON`, bytes);
  return text;
};

import { createHash } from 'node:crypto';

/**
 * The UUID of the event source mapping of a function and a source, of which there is one: so that a template that refers
 * to it has a value before it is made. On AWS it is random.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9562#section-5.8 (version 8)
 */
export const mappingUuid = (functionName: string, eventSourceArn: string): string => {
  const hex = createHash('sha256').update(`${functionName} ${eventSourceArn}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
};

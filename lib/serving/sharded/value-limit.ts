import { checkJson } from '#primitives/table-limits';
import { refuse } from '#primitives/checks';
import type { Json } from '#primitives/table';

/**
 * A record has 400 KiB; 4 KiB of it are for what goes along with the value: the key (1 KiB at most), the names of its
 * shard and of those with copies. These change as shards come and go, and a value that was taken must find room then.
 */
export const MAX_VALUE_BYTES = 400 * 1_024 - 4 * 1_024;

/** @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
const bytesOf = (value: Json): number => {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return Math.ceil(String(value).length / 2) + 1;
  if (value === null || typeof value === 'boolean') return 1;
  return Object.entries(value).reduce(
    (sum, [name, item]: [string, Json]) =>
      sum + 1 + (Array.isArray(value) ? 0 : Buffer.byteLength(name)) + bytesOf(item),
    3,
  );
};

/** @throws {@link InvalidArgumentError} when a value is no JSON, or too large to be kept wherever its key may move. */
export const checkValue = (value: Json): void => {
  checkJson('value', value);
  const bytes = bytesOf(value);
  if (bytes > MAX_VALUE_BYTES) throw refuse('value', `at most ${MAX_VALUE_BYTES} bytes`, bytes);
};

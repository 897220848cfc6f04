import { checkJson, valueBytes } from '#primitives/table-limits';
import { refuse } from '#primitives/checks';
import type { Json } from '#primitives/table';

/**
 * A record has 400 KiB; 4 KiB of it are for what goes along with the value: the key (1 KiB at most), the names of its
 * shard and of those with copies. These change as shards come and go, and a value that was taken must find room then.
 */
export const MAX_VALUE_BYTES = 400 * 1_024 - 4 * 1_024;

/** @throws {@link InvalidArgumentError} when a value is no JSON, or too large to be kept wherever its key may move. */
export const checkValue = (value: Json): void => {
  checkJson('value', value);
  const bytes = valueBytes(value);
  if (bytes > MAX_VALUE_BYTES) throw refuse('value', `at most ${MAX_VALUE_BYTES} bytes`, bytes);
};

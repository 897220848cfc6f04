import { checkInteger, checkNames, checkText } from './checks.ts';
import type { Objects } from './objects.ts';

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MAX_KEY_BYTES = 1024;
/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
const MAX_PAGE_COUNT = 1000;

export const checkObjectKey = (key: string): void => checkText('key', key, 1, MAX_KEY_BYTES);

export const checkGet = (key: string, options: NonNullable<Parameters<Objects['get']>[1]>): void => {
  checkObjectKey(key);
  checkNames(options, ['maxBytes']);
  if (options.maxBytes !== undefined) checkInteger('maxBytes', options.maxBytes, 0, Number.MAX_SAFE_INTEGER);
};

export const checkList = (options: NonNullable<Parameters<Objects['list']>[0]>): void => {
  checkNames(options, ['prefix', 'after', 'limit']);
  checkText('prefix', options.prefix ?? '', 0, MAX_KEY_BYTES);
  checkText('after', options.after ?? '', 0, MAX_KEY_BYTES);
  checkInteger('limit', options.limit ?? MAX_PAGE_COUNT, 1, MAX_PAGE_COUNT);
};

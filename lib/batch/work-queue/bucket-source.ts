import type { Objects } from '#primitives/objects';
import type { WorkSource } from './types.ts';

const PAGE_COUNT = 250;

/**
 * All objects of a bucket under a prefix: an item's id is its key, its payload `{bucket, key}`. Keys that end in `/`
 * are left out: they stand for folders.
 */
export const bucketSource = (options: { readonly objects: Objects; readonly prefix: string }): WorkSource => {
  const { objects, prefix } = options;
  return Object.freeze<WorkSource>({
    list: async (after) => {
      const page = await objects.list({ prefix, limit: PAGE_COUNT, ...(after === undefined ? {} : { after }) });
      const ids = page.objects.map(({ key }) => key).filter((key) => !key.endsWith('/'));
      return { ids, ...(page.next === undefined ? {} : { next: page.next }) };
    },
    get: async (key) => ({ bucket: objects.name, key }),
  });
};

import type { Json } from '#primitives/table';
import { persist } from '../../pause.ts';
import { PermanentFailure } from '../../work-queue/types.ts';
import { headKey, imageJoin, madeKey, readHead, type Head, type ImagesStore } from './store.ts';
import type { Step } from './types.ts';

export const readImages = async (store: ImagesStore, id: string): Promise<Head | undefined> => {
  const { fields } = await persist('read images', store.pause, async () => ({
    fields: await store.table.get(headKey(id)),
  }));
  return fields === undefined ? undefined : readHead(fields);
};

/** Does the work of a step; what it leaves lies under keys that image and step decide. */
const work = async (store: ImagesStore, id: string, image: number, key: string, step: Step, head: Head) => {
  const { made, pictures } = store;
  const picture = await pictures.read(store.bucketOf(head.bucket), key);
  switch (step) {
    case 'tag': {
      const colours = await pictures.colours(picture);
      const [dominant] = colours;
      const tags = { colours: colours.map((each) => ({ ...each })), dominant: dominant?.colour ?? 'black' };
      await made.put(madeKey(id, image, 'tags.json'), Buffer.from(JSON.stringify(tags)), {
        contentType: 'application/json',
      });
      return tags;
    }
    case 'blur': {
      const target = madeKey(id, image, 'blurred.webp');
      await made.put(target, await pictures.blurred(picture, head.blur), { contentType: 'image/webp' });
      return { key: target };
    }
    case 'thumbnail': {
      const target = madeKey(id, image, 'thumbnail.webp');
      await made.put(target, await pictures.thumbnail(picture), { contentType: 'image/webp' });
      return { key: target };
    }
  }
};

/**
 * A step of an image, and its arrival at the image's join. A step that fails for good arrives as well, with the reason:
 * the join is about who is through, not about how.
 *
 * @param givenUp Why the step is not tried any more.
 */
export const doStep = async (
  store: ImagesStore,
  id: string,
  image: number,
  key: string,
  step: Step,
  givenUp?: string,
): Promise<void> => {
  const head = await readImages(store, id);
  if (head === undefined) return;
  const attempt = async (): Promise<Json> => {
    if (givenUp !== undefined) return { failed: givenUp };
    try {
      return await work(store, id, image, key, step, head);
    } catch (error) {
      if (error instanceof PermanentFailure) return { failed: error.message };
      throw error;
    }
  };
  await store.joins.arrive(imageJoin(id, image), step, await attempt());
};

import type { Images } from '#batch/coordinated/images/images';
import { problem, type Handler } from '#http/handlers';
import type { Objects } from '#primitives/objects';
import type { imageRoutes } from './image-routes.ts';
import { sourceRefusal } from './reduction-handlers.ts';

type Routes = typeof imageRoutes;

/** What answers the routes of the image pipeline. */
export const imageHandlers = (
  images: Images,
  bucketOf: (name: string) => Objects,
  mediaBucket: string,
): { readonly [name in keyof Routes]: Handler<Routes[name]> } => ({
  createImages: async ({ body: { source, ...rest }, operationId }) => {
    const { bucket = mediaBucket, prefix } = source;
    const refusal = await sourceRefusal(bucketOf(bucket));
    if (refusal !== undefined) return refusal;
    await images.create(operationId, { source: { bucket, prefix }, ...rest });
    return { status: 202, body: { imagesId: operationId } };
  },
  images: async ({ params: { id } }) => {
    const view = await images.view(id);
    if (view === undefined) return problem(404, { detail: `There are no images '${id}'.` });
    return { status: 200, body: { imagesId: id, ...view } };
  },
});

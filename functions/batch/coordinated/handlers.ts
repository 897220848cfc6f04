import type { Images } from '#batch/coordinated/images/images';
import type { Joins } from '#batch/coordinated/join/join';
import type { Reductions } from '#batch/coordinated/reduce/reductions';
import type { Handlers } from '#http/handlers';
import type { Objects } from '#primitives/objects';
import type { coordinatedApi } from './api.ts';
import { imageHandlers } from './image-handlers.ts';
import { joinHandlers } from './join-handlers.ts';
import { reductionHandlers } from './reduction-handlers.ts';

export const coordinatedHandlers = (options: {
  readonly joins: Joins;
  readonly reductions: Reductions;
  readonly images: Images;
  readonly bucketOf: (name: string) => Objects;
  /** Where images are when nobody says where. */
  readonly mediaBucket: string;
}): Handlers<typeof coordinatedApi> => ({
  ...joinHandlers(options.joins),
  ...reductionHandlers(options.reductions, options.bucketOf),
  ...imageHandlers(options.images, options.bucketOf, options.mediaBucket),
});

import { defineApi } from '#http/api';
import { imageRoutes } from './image-routes.ts';
import { joinRoutes } from './join-routes.ts';
import { reductionRoutes } from './reduction-routes.ts';

/** Coordinated batch over HTTP. The same bodies may be sent to the queues. */
export const coordinatedApi = defineApi({
  pattern: 'coordinated',
  part: 'batch',
  chapter: 13,
  title: 'Coordinated batch: joins that fire once, reductions by a tree of functions, an image pipeline of both',
  queues: ['joins', 'reductions', 'images'],
  routes: { ...joinRoutes, ...reductionRoutes, ...imageRoutes },
});

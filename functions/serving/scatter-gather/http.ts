import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { scatterGatherApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/scatter-gather/…`: the root. */
export const handler = httpFunction({
  api: scatterGatherApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

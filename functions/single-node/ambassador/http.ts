import { httpFunction } from '#http/http-function';
import { shellServices } from '../../shell/services.ts';
import { ambassadorApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/ambassador/…`. */
export const handler = httpFunction({
  api: ambassadorApi,
  handlers: () => wireHandlers(process.env),
  services: () => shellServices(process.env),
});

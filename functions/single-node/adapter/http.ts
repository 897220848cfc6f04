import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { adapterApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/adapter/…`. */
export const handler = httpFunction({
  api: adapterApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

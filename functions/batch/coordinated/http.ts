import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { coordinatedApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/coordinated/…`. */
export const handler = httpFunction({
  api: coordinatedApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

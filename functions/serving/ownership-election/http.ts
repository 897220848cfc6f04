import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { ownershipApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/ownership/…`. */
export const handler = httpFunction({
  api: ownershipApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

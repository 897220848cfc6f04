import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { functionsAndEventsApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/functions/…`. */
export const handler = httpFunction({
  api: functionsAndEventsApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

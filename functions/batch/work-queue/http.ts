import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { workQueueApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/work-queue/…`. */
export const handler = httpFunction({
  api: workQueueApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

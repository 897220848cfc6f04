import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { eventDrivenApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

export const handler = httpFunction({
  api: eventDrivenApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

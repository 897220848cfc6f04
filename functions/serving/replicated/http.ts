import { httpFunction } from '#http/http-function';
import { shellServices } from '../../shell/services.ts';
import { replicatedApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/replicated/…`. */
export const handler = httpFunction({
  api: replicatedApi,
  handlers: () => wireHandlers(process.env),
  services: () => shellServices(process.env),
});

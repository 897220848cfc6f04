import { httpFunction } from '#http/http-function';
import { httpServices } from '../../shell/idempotency.ts';
import { shardedApi } from './api.ts';
import { wireHandlers } from './wiring.ts';

/** `/sharded/…`. */
export const handler = httpFunction({
  api: shardedApi,
  handlers: () => wireHandlers(process.env),
  services: () => httpServices(process.env),
});

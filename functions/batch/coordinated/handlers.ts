import type { Joins } from '#batch/coordinated/join/join';
import type { Handlers } from '#http/handlers';
import type { coordinatedApi } from './api.ts';
import { joinHandlers } from './join-handlers.ts';

export const coordinatedHandlers = (options: { readonly joins: Joins }): Handlers<typeof coordinatedApi> => ({
  ...joinHandlers(options.joins),
});

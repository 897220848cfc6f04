import { httpFunction } from '#http/http-function';
import { catalogue } from '../catalogue.ts';
import { shellServices, variable } from '../shell/services.ts';
import { rootApi } from './api.ts';
import { rootHandlers } from './handlers.ts';

// Of the routes, not of the package: it changes when a client has to.
const API_VERSION = '1';

/** `GET /`, `/openapi.json` and `/health`; 404 for everything that no pattern's function takes. */
export const handler = httpFunction({
  api: rootApi,
  handlers: () =>
    rootHandlers({
      apis: catalogue,
      prefix: `${variable(process.env, 'SERVICE')}-${variable(process.env, 'STAGE')}`,
      version: API_VERSION,
    }),
  services: () => shellServices(process.env),
});

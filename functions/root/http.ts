import { httpFunction } from '#http/http-function';
import packageJson from '../../package.json' with { type: 'json' };
import { catalogue } from '../catalogue.ts';
import { shellServices, variable } from '../shell/services.ts';
import { rootApi } from './api.ts';
import { rootHandlers } from './handlers.ts';

/** `GET /`, `/openapi.json` and `/health`; 404 for everything that no pattern's function takes. */
export const handler = httpFunction({
  api: rootApi,
  handlers: () =>
    rootHandlers({
      apis: catalogue,
      prefix: `${variable(process.env, 'SERVICE')}-${variable(process.env, 'STAGE')}`,
      version: packageJson.version,
    }),
  services: () => shellServices(process.env),
});

import type { Api } from '#http/api';
import type { Handlers } from '#http/handlers';
import { rootApi } from './api.ts';

/** @param options.prefix Of all queue names: `<service>-<stage>`. */
export const rootHandlers = (options: {
  readonly apis: readonly Api[];
  readonly prefix: string;
  readonly version: string;
}): Handlers<typeof rootApi> => {
  const { apis, prefix, version } = options;
  return {
    patterns: async () => ({
      status: 200,
      body: {
        patterns: apis.map(({ pattern, part, chapter, title, queues = [], routes }) => ({
          name: pattern,
          part,
          ...(chapter === undefined ? {} : { chapter }),
          title,
          routes: Object.values(routes).map(({ method, path }) => `${method} ${path}`),
          queues: queues.map((queue) => `${prefix}-${pattern}-${queue}`),
        })),
      },
    }),
    document: async () => {
      // Only who asks for the document pays for what makes it.
      const { openApi } = await import('#http/open-api');
      return { status: 200, body: openApi([rootApi, ...apis], { title: prefix, version }) };
    },
    health: async () => ({ status: 200, body: { status: 'ok' } }),
  };
};

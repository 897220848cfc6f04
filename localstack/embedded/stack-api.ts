import { InvalidArgumentError } from '#primitives/errors';
import { holdsToken } from './admin-token.ts';
import type { EventBuses } from './bus.ts';
import { DEFAULT_BUS } from './bus.ts';
import { isJsonObject, jsonOf, type Answer, type Call } from './call.ts';
import type { CallCounts } from './calls.ts';
import type { FaultInjector } from './faults.ts';
import type { FunctionRegistry } from './function-registry.ts';

export interface StackApiOptions {
  readonly adminToken: string;
  readonly calls: CallCounts;
  readonly functions: FunctionRegistry;
  readonly faults: FaultInjector;
  readonly buses: EventBuses;
  readonly hostIsUp: () => boolean;
}

const json = (status: number, body: unknown): Answer => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
});

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  404: 'Not Found',
  405: 'Method Not Allowed',
};
const problem = (status: number, detail: string): Answer => ({
  ...json(status, { type: 'about:blank', title: TITLES[status], status, detail }),
  headers: { 'content-type': 'application/problem+json', ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}) },
});

interface Route {
  readonly needsToken: boolean;
  readonly handle: (call: Call) => Answer;
}

const routesOf = (options: StackApiOptions): Readonly<Record<string, Route>> => {
  const { calls, faults, functions, buses } = options;
  const body = (call: Call): unknown => jsonOf(call.body);
  const faultList = (): Answer => json(200, { faults: faults.list() });
  return {
    'GET /_stack/health': {
      needsToken: false,
      handle: () => json(200, { status: 'ok', functionHost: options.hostIsUp() ? 'up' : 'down' }),
    },
    'GET /_stack/calls': { needsToken: false, handle: () => json(200, calls.counts()) },
    'DELETE /_stack/calls': {
      needsToken: true,
      handle: () => {
        calls.reset();
        return json(200, {});
      },
    },
    'PUT /_stack/functions': {
      needsToken: true,
      handle: (call) => {
        functions.put(body(call));
        return json(200, { functions: functions.list().map(({ name }) => name) });
      },
    },
    'GET /_stack/faults': { needsToken: false, handle: faultList },
    'PUT /_stack/faults': {
      needsToken: true,
      handle: (call) => {
        const given = body(call);
        faults.put(isJsonObject(given) ? given['faults'] : undefined);
        return faultList();
      },
    },
    'DELETE /_stack/faults': {
      needsToken: true,
      handle: () => {
        faults.clear();
        return faultList();
      },
    },
    // It shows data, not only counts.
    'GET /_stack/events': {
      needsToken: true,
      handle: (call) => {
        const bus = new URLSearchParams(call.url.split('?')[1] ?? '').get('bus') ?? DEFAULT_BUS;
        const events = buses.events(bus);
        return events === undefined ? problem(404, `There is no event bus '${bus}'.`) : json(200, { events });
      },
    },
  };
};

/** The stack's own administration, under `/_stack`. What writes, or shows data, needs the admin token. */
export const stackApi = (options: StackApiOptions): ((call: Call) => Answer) => {
  const routes = new Map(Object.entries(routesOf(options)));
  return (call) => {
    const path = call.url.split('?', 1)[0] ?? '';
    const route = routes.get(`${call.method} ${path}`);
    if (route === undefined) {
      const known = [...routes.keys()].some((each) => each.endsWith(` ${path}`));
      return known ? problem(405, `No ${call.method} here.`) : problem(404, `There is no ${path}.`);
    }
    if (route.needsToken && !holdsToken(call.headers.authorization, options.adminToken))
      return problem(401, "The admin token of the stack file is needed: 'authorization: Bearer …'.");
    try {
      return route.handle(call);
    } catch (error) {
      if (error instanceof InvalidArgumentError) return problem(400, error.message);
      throw error;
    }
  };
};

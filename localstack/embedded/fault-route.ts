import type { ServerResponse } from 'node:http';
import { InvalidArgumentError, PatternError } from '#primitives/errors';
import { holdsToken } from './admin-token.ts';
import { isJsonObject } from './call.ts';
import { shown, type FaultInjector } from './faults.ts';
import type { FrontRoute } from './front.ts';
import { readBody } from './request-body.ts';

const MAX_BODY_BYTES = 64 * 1024;
const METHODS = ['GET', 'PUT', 'DELETE'];

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
};

const problem = (
  response: ServerResponse,
  status: number,
  detail: string,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail }));
};

/** @throws {@link InvalidArgumentError} when the body is not `{ faults: … }`; what the faults are is not looked at. */
const parseFaults = (body: Buffer): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    throw new InvalidArgumentError('The body is not JSON.');
  }
  if (!isJsonObject(value) || !('faults' in value))
    throw new InvalidArgumentError(`Expected the body to be {"faults": [{at, kind, …}, …]}, got ${shown(value)}.`);
  return value['faults'];
};

/**
 * `GET`, `PUT` and `DELETE /faults`: shows, replaces and clears the fault switches of the stack. They live here, in
 * the supervisor, so that a switch that crashes the functions survives what it does.
 */
export const faultRoute =
  (options: {
    readonly faults: FaultInjector;
    readonly adminToken: string;
    /** Where something can go wrong; undefined as long as that is not known. */
    readonly places: () => readonly string[] | undefined;
  }): FrontRoute =>
  async (request, response) => {
    if (request.url?.split('?')[0] !== '/faults') return false;
    const { faults, adminToken, places } = options;
    const method = request.method ?? '';
    if (!METHODS.includes(method))
      problem(response, 405, `/faults knows ${METHODS.join(', ')}, not ${method}.`, { allow: METHODS.join(', ') });
    else if (!holdsToken(request.headers.authorization, adminToken))
      problem(response, 401, "The admin token of the stack file is needed: 'authorization: Bearer …'.", {
        'www-authenticate': 'Bearer',
      });
    else if (method === 'PUT' && !(request.headers['content-type'] ?? '').startsWith('application/json'))
      problem(response, 415, "Expected the content-type 'application/json'.");
    else {
      const body = await readBody(request, MAX_BODY_BYTES);
      if (body === undefined) {
        problem(response, 413, `Expected at most ${MAX_BODY_BYTES} bytes.`, { connection: 'close' });
        return true;
      }
      try {
        if (method === 'PUT') faults.put(parseFaults(body), places());
        if (method === 'DELETE') faults.clear();
        response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
        response.end(JSON.stringify({ faults: faults.list() }));
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        problem(response, 400, error.message);
      }
    }
    return true;
  };

import { isUtf8 } from 'node:buffer';
import { Agent, createServer, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { HOP_BY_HOP } from '#primitives/hop-by-hop';
import type { Log } from '#primitives/log';
import { gate } from './gate.ts';
import { hostSlots } from './host-slots.ts';
import { readBody } from './request-body.ts';

/** API Gateway ends a request after 29 s. @see https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html */
export const INTEGRATION_TIMEOUT_MS = 29_000;
/** And refuses a body over 10 MB; the functions refuse far smaller ones in their own words. */
export const MAX_BODY_BYTES = 10 * 1024 * 1024;
const MAX_SOCKETS = 256;

/** Headers by which only the stack's own parts speak to each other, and serverless-offline's leave for every origin. */
const isInternal = (name: string): boolean => /^(x-internal|x-stack|access-control)-/.test(name);

/** Answers a request itself; false leaves it to the functions. */
export type FrontRoute = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

export interface Front {
  readonly url: string;
  close(): Promise<void>;
}

const answer = (response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const isProblem = 'type' in body;
  response.writeHead(status, {
    'content-type': isProblem ? 'application/problem+json' : 'application/json',
    ...headers,
  });
  response.end(JSON.stringify(body));
};

/** No function can answer now: nothing was accepted, and trying again is right. */
const answerUnavailable = (response: ServerResponse): void =>
  answer(
    response,
    503,
    { type: 'about:blank', title: 'Service Unavailable', status: 503, detail: 'The function host is starting.' },
    { 'retry-after': '1' },
  );

const forwardedHeaders = (headers: IncomingHttpHeaders): IncomingHttpHeaders => {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name) && !isInternal(name)),
  );
};

/** Headers that came twice go on twice: Node would make one value of them, and nobody could refuse it. */
const eachHeader = ({ headersDistinct }: IncomingMessage): IncomingHttpHeaders =>
  Object.fromEntries(
    Object.entries(headersDistinct).map(([name, values = []]) => [name, values.length === 1 ? values[0] : values]),
  );

const malformed = (detail: string): object => ({ type: 'about:blank', title: 'Bad Request', status: 400, detail });

/**
 * What serverless-offline would answer in a form of its own, or let through: a path that cannot be decoded, and text
 * that is no UTF-8, whose bytes it replaces.
 */
const faultOf = (request: IncomingMessage, body: Buffer): object | undefined => {
  if ((request.headersDistinct['host']?.length ?? 0) > 1) return malformed('There is more than one Host header.');
  try {
    decodeURIComponent((request.url ?? '/').split('?', 1)[0] ?? '/');
  } catch {
    return malformed('The path has a percent sign that is not followed by two hexadecimal digits of UTF-8.');
  }
  return isUtf8(body) ? undefined : malformed('The body is not UTF-8.');
};

/**
 * Passes one request to the function host; API Gateway's own answers where that does not work out. Resolves when the
 * request is over.
 */
const forward = (options: {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly response: ServerResponse;
  readonly host: URL;
  readonly agent: Agent;
}): Promise<void> => {
  const { request, body, response, host, agent } = options;
  if (response.destroyed) return Promise.resolve();
  const outgoing = httpRequest({
    agent,
    hostname: host.hostname,
    port: host.port,
    method: request.method,
    path: request.url,
    headers: { ...forwardedHeaders(eachHeader(request)), 'content-length': body.length },
  });
  const timeOut = (): void => answer(response, 504, { message: 'Endpoint request timed out' });
  const timer = setTimeout(() => {
    timeOut();
    outgoing.destroy();
  }, INTEGRATION_TIMEOUT_MS);
  const over = new Promise<void>((resolve) => {
    response.once('close', () => {
      clearTimeout(timer);
      if (!response.writableFinished) outgoing.destroy();
      resolve();
    });
  });
  outgoing.once('response', (incoming) => {
    // The host's own: a function that ran has said so in its own words, and with its trace.
    if (incoming.statusCode === 504 && incoming.headers['traceparent'] === undefined) {
      incoming.resume();
      timeOut();
      return;
    }
    response.writeHead(incoming.statusCode ?? 502, forwardedHeaders(incoming.headers));
    incoming.once('error', () => response.destroy());
    incoming.pipe(response);
  });
  outgoing.once('error', (error) => {
    // Refused: the host is not there, nothing was started. Anything else: it may have been.
    if ('code' in error && error.code === 'ECONNREFUSED') answerUnavailable(response);
    else answer(response, 502, { message: 'Internal server error' });
  });
  outgoing.end(body);
  return over;
};

/**
 * The HTTP entrance of the stack, in the place of API Gateway: answers while no function host is up, and passes every
 * other request on. Listens on 127.0.0.1 only, and refuses a Host or an Origin that is not this machine: a page in a
 * browser could otherwise reach it.
 */
export const startFront = async (options: {
  readonly port: number;
  /** Where serverless-offline listens now; undefined while it does not. */
  readonly functionHostUrl: () => string | undefined;
  /** The function that answers a path. */
  readonly functionOf: (url: string) => string;
  /** Asked in order before a request goes to the functions. */
  readonly routes: readonly FrontRoute[];
  readonly log: Log;
}): Promise<Front> => {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const slots = hostSlots();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (gate(request.headers) !== undefined) {
      answer(response, 403, { message: 'Forbidden' });
      return;
    }
    for (const route of options.routes) if (await route(request, response)) return;
    const body = await readBody(request, MAX_BODY_BYTES);
    const fault = body === undefined ? undefined : faultOf(request, body);
    if (body === undefined || fault !== undefined) {
      if (fault === undefined) answer(response, 413, { message: 'Request Too Long' }, { connection: 'close' });
      else answer(response, 400, fault);
      return;
    }
    const entered = await slots.run(options.functionOf(request.url ?? '/'), async () => {
      const url = options.functionHostUrl();
      if (url === undefined) answerUnavailable(response);
      else await forward({ request, body, response, host: new URL(url), agent });
    });
    if (!entered) answer(response, 429, { message: 'Too Many Requests' }, { 'retry-after': '1' });
  };

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      options.log.error('front failed', { error });
      answer(response, 502, { message: 'Internal server error' });
    });
  });
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return;
    const body = JSON.stringify({
      type: 'about:blank',
      title: 'Bad Request',
      status: 400,
      detail: 'This is not a well-formed HTTP request.',
    });
    socket.end(
      `HTTP/1.1 400 Bad Request\r\ncontent-type: application/problem+json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return Object.freeze({
    url: `http://127.0.0.1:${port}`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  });
};

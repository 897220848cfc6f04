import { createServer, STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isLoopback } from '../listening.ts';
import { metricsText } from './metrics.ts';
import type { TopzReport } from './report.ts';

const LIMITS = { requestMs: 5_000, keepAliveMs: 5_000, maxHeaderBytes: 8_192, maxConnections: 64 };

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

interface Page {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const problem = (status: number, detail: string, headers: Page['headers'] = {}): Page => ({
  status,
  type: 'application/problem+json',
  text: JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail }),
  headers,
});

/** A page of the web that has its own name lead to this machine sends that name: it gets nothing. */
const isOwnHost = (host: string | undefined): boolean => {
  const [, name = ''] = /^(\[[^\]]*\]|[^:]*)(?::\d{1,5})?$/.exec(host ?? '') ?? [];
  return name === 'localhost' || isLoopback(name.replace(/^\[(.*)\]$/, '$1'));
};

const pageFor = async (request: IncomingMessage, read: () => Promise<TopzReport>): Promise<Page> => {
  const { method = '', url = '', headers } = request;
  const [path] = url.split('?');
  if (!isOwnHost(headers.host)) return problem(421, 'Expected a host of this machine.');
  if (path !== '/' && path !== '/topz' && path !== '/metrics') return problem(404, 'There are /topz and /metrics.');
  if (method !== 'GET' && method !== 'HEAD') return problem(405, 'Expected GET or HEAD.', { allow: 'GET, HEAD' });
  try {
    const report = await read();
    if (path === '/metrics') return { status: 200, type: METRICS_TYPE, text: metricsText(report) };
    return { status: 200, type: 'application/json', text: `${JSON.stringify(report)}\n` };
  } catch {
    return problem(503, 'The use of the program could not be read.', { 'retry-after': '1' });
  }
};

const answer = async (request: IncomingMessage, response: ServerResponse, read: () => Promise<TopzReport>) => {
  request.resume();
  const page = await pageFor(request, read);
  if (response.destroyed) return;
  response.writeHead(page.status, {
    'content-type': page.type,
    'content-length': Buffer.byteLength(page.text),
    'cache-control': 'no-store',
    ...page.headers,
  });
  response.end(request.method === 'HEAD' ? undefined : page.text);
};

/** Serves the report: `GET /topz` (and `/`) as JSON, `GET /metrics` for Prometheus. */
export const topzServer = (read: () => Promise<TopzReport>): Server => {
  const server = createServer(
    {
      headersTimeout: LIMITS.requestMs,
      requestTimeout: LIMITS.requestMs,
      keepAliveTimeout: LIMITS.keepAliveMs,
      maxHeaderSize: LIMITS.maxHeaderBytes,
      connectionsCheckingInterval: 1_000,
    },
    (request, response) => void answer(request, response, read),
  );
  server.maxConnections = LIMITS.maxConnections;
  server.timeout = LIMITS.requestMs + LIMITS.keepAliveMs;
  return server;
};

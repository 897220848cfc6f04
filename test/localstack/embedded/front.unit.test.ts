import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { systemRandom } from '#primitives/system-random';
import { faultRoute } from '../../../localstack/embedded/fault-route.ts';
import { faultInjector, type FaultInjector } from '../../../localstack/embedded/faults.ts';
import { startFront, type Front } from '../../../localstack/embedded/front.ts';
import { functionFaultRoute } from '../../../localstack/embedded/front-faults.ts';
import { http } from '../../support/http.ts';
import { rawHttp } from '../../support/raw-http.ts';

const TOKEN = 'token-of-the-test';
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const log = { ...silent, child: () => log };

let behaviour: RequestListener;
let seen: { headers: IncomingHttpHeaders; body: string }[];
let host: Server;
let hostUrl: string | undefined;
let faults: FaultInjector;
let front: Front;
let crashes: number;

const answerOk: RequestListener = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/plain', 'access-control-allow-origin': '*', 'x-shard': 'a' });
  response.end('done');
};

beforeEach(async () => {
  behaviour = answerOk;
  seen = [];
  crashes = 0;
  host = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on('end', () => {
      seen.push({ headers: request.headers, body });
      behaviour(request, response);
    });
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  const address = host.address();
  hostUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  faults = faultInjector({ random: systemRandom(), service: 'svc', stage: 'local' });
  const functionHostUrl = () => hostUrl;
  const functionOf = (url: string): string =>
    url.startsWith('/work-queue') ? 'svc-local-work-queue-http' : 'svc-local-root-http';
  front = await startFront({
    port: 0,
    functionHostUrl,
    functionOf,
    routes: [
      faultRoute({ faults, adminToken: TOKEN, places: () => undefined }),
      functionFaultRoute({
        faults,
        functionOf,
        functionHostUrl,
        crashHost: () => {
          crashes += 1;
          host.closeAllConnections();
        },
      }),
    ],
    log,
  });
});
afterEach(async () => {
  await front.close();
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
});

describe('the front', () => {
  test('passes a request and its answer on, without what belongs to one connection or to the stack itself', async () => {
    const bytes =
      'POST /work-queue/jobs?a=%20b HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\nconnection: close, x-hop\r\n' +
      'x-hop: 1\r\nx-stack-secret: 1\r\nx-internal-user: root\r\nx-client-id: me\r\n\r\n{}';
    const answer = await rawHttp(front.url, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer).toMatch(/x-shard: a/);
    expect(answer).not.toMatch(/access-control/);
    expect(answer).toMatch(/done/);
    expect(seen[0]?.body).toBe('{}');
    expect(seen[0]?.headers).toMatchObject({ 'x-client-id': 'me' });
    for (const header of ['x-hop', 'x-stack-secret', 'x-internal-user'])
      expect(seen[0]?.headers[header]).toBeUndefined();
  });

  test('answers 503 with Retry-After while there is no function host, and when it cannot be reached', async () => {
    const before = hostUrl;
    for (const url of [undefined, 'http://127.0.0.1:9']) {
      hostUrl = url;
      const answer = await http('GET', `${front.url}/health`);
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
      expect(answer.json).toMatchObject({ status: 503, title: 'Service Unavailable' });
    }
    hostUrl = before;
    expect((await http('GET', `${front.url}/health`)).status).toBe(200);
  });

  test('answers 502 as API Gateway does when the function dies under the request', async () => {
    behaviour = (request) => request.socket.destroy();
    const answer = await http('GET', `${front.url}/work-queue/jobs/a`);
    expect([answer.status, answer.json]).toEqual([502, { message: 'Internal server error' }]);
  });

  test('answers an empty 504 of serverless-offline as API Gateway does', async () => {
    behaviour = (_request, response) => void response.writeHead(504).end();
    const answer = await http('GET', `${front.url}/work-queue/jobs/a`);
    expect([answer.status, answer.json]).toEqual([504, { message: 'Endpoint request timed out' }]);
  });

  test('hands on the 504 of a function that ran, which has a trace', async () => {
    behaviour = (_request, response) =>
      void response.writeHead(504, { traceparent: '00-a-b-01' }).end('{"status":504}');
    const answer = await http('GET', `${front.url}/work-queue/jobs/a`);
    expect([answer.status, answer.json]).toEqual([504, { status: 504 }]);
  });

  test('refuses a path that cannot be decoded and a body that is no UTF-8: two ids would become one', async () => {
    expect(await http('GET', `${front.url}/work-queue/jobs/%zz`)).toMatchObject({ status: 400, json: { status: 400 } });
    const head = 'POST /work-queue/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 3\r\n\r\n';
    const bytes = Buffer.concat([Buffer.from(head), Buffer.from([0x22, 0xff, 0x22])]);
    expect(await rawHttp(front.url, bytes)).toMatch(/^HTTP\/1\.1 400 [^]*application\/problem\+json[^]*not UTF-8/);
    expect(seen).toEqual([]);
  });

  test('refuses more than 10 MB, and a name or an origin that is not of this machine', async () => {
    expect((await http('POST', `${front.url}/x`, { body: 'x'.repeat(10 * 1024 * 1024 + 1) })).status).toBe(413);
    expect(await rawHttp(front.url, 'GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n')).toMatch(
      / 403 /,
    );
    const crossSite = 'GET / HTTP/1.1\r\nhost: localhost\r\norigin: http://evil.example\r\nconnection: close\r\n\r\n';
    expect(await rawHttp(front.url, crossSite)).toMatch(/ 403 /);
    expect(seen).toEqual([]);
  });
});

describe('a function that is called over HTTP goes wrong as the switches say', () => {
  const call = () => http('POST', `${front.url}/work-queue/jobs`, { body: '{"n":1}' });
  const put = (fault: Record<string, unknown>) => faults.put([{ at: 'work-queue/http', times: 1, ...fault }]);

  test.each([
    ['error', 502, 0],
    ['crash', 502, 1],
    ['duplicate', 200, 2],
    ['delay', 200, 1],
  ])('%s: %i, after %i calls of the function', async (kind, status, callCount) => {
    if (kind === 'crash') behaviour = () => undefined;
    put({ kind, ...(kind === 'delay' ? { ms: 1 } : {}) });
    expect((await call()).status).toBe(status);
    expect(seen.map(({ body }) => body)).toEqual(Array.from({ length: callCount }, () => '{"n":1}'));
    expect(crashes).toBe(kind === 'crash' ? 1 : 0);
    expect(faults.list()[0]?.fired).toBe(1);
  });

  test('lose-answer: the function ran, the connection is cut', async () => {
    put({ kind: 'lose-answer' });
    await expect(call()).rejects.toThrow('fetch failed');
    expect(seen).toHaveLength(1);
  });

  test('hang: no answer, and the function was not called', async () => {
    put({ kind: 'hang', ms: 5 });
    await expect(call()).rejects.toThrow('fetch failed');
    expect(seen).toEqual([]);
  });

  test('only the named function is hit', async () => {
    faults.put([{ at: 'function/svc-local-root-http', kind: 'error' }]);
    expect((await call()).status).toBe(200);
    expect((await http('GET', `${front.url}/health`)).status).toBe(502);
  });
});

test('a request with two Host headers is refused before it goes to a function', async () => {
  const head = 'GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n';
  expect(await rawHttp(front.url, head)).toMatch(/^HTTP\/1\.1 400 /);
  expect(seen).toEqual([]);
});

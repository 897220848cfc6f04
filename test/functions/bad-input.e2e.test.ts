import { http, type HttpAnswer } from '../support/http.ts';
import { rawHttp } from '../support/raw-http.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(async () => {
  // What was sent in this file has hurt nobody: the same processes still answer.
  expect((await stack.refresh())?.functionHostPid).toBe(stack.info.functionHostPid);
  expect((await http('GET', `${stack.info.apiUrl}/health`)).status).toBe(200);
  expect(await stack.stop()).toBe(0);
}, 60_000);

const send = (method: string, path: string, body?: string, headers: Record<string, string> = {}): Promise<HttpAnswer> =>
  http(method, `${stack.info.apiUrl}${path}`, { ...(body === undefined ? {} : { body }), headers });

describe('what only the front of the embedded place has; the rest is in http.everywhere', () => {
  test('a wrong admin token is 401, on a switch of faults nothing is changed', async () => {
    const faults = '{"faults":[{"at":"bus","kind":"error"}]}';
    expect((await send('PUT', '/faults', faults)).status).toBe(401);
    expect((await send('PUT', '/faults', faults, { authorization: 'Bearer wrong' })).status).toBe(401);
    const admin = { authorization: `Bearer ${stack.info.adminToken}` };
    expect((await send('GET', '/faults', undefined, admin)).json).toEqual({ faults: [] });
    expect((await send('PUT', '/faults', '{"faults":[{"at":"bus","kind":"explode"}]}', admin)).text).toContain(
      'explode',
    );
    expect((await send('PATCH', '/faults', '{}', admin)).status).toBe(405);
  });

  test.each([
    [
      'two lengths',
      'POST /work-queue/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}',
    ],
    [
      'length and chunks',
      'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}',
    ],
    ['a header without a name', 'GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n: x\r\n\r\n'],
    ['no HTTP at all', 'hello\r\n\r\n'],
  ])('%s is no request: 400', async (_what, bytes) => {
    expect(await rawHttp(stack.info.apiUrl, bytes)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('a request by another name than this machine, or from a page of another origin, is 403', async () => {
    const request = (head: string) =>
      rawHttp(stack.info.apiUrl, `GET /health HTTP/1.1\r\n${head}\r\nconnection: close\r\n\r\n`);
    expect(await request('host: evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await request('host: 127.0.0.1\r\norigin: https://evil.example')).toMatch(/^HTTP\/1\.1 403 /);
    expect(await request('host: localhost\r\norigin: http://localhost:3000')).toMatch(/^HTTP\/1\.1 200 /);
  });
});

import { createServer, type IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { httpPost } from '#batch/work-queue/http-post';
import type { WorkContext } from '#batch/work-queue/types';
import { quiet } from './world.ts';

const context: WorkContext = {
  jobId: 'j',
  effectKey: 'j/käse 1',
  attempt: 1,
  isFirst: true,
  signal: new AbortController().signal,
  log: quiet,
};

/** Answers with each status in turn, and keeps what it was sent. */
const listener = async (...statuses: readonly number[]) => {
  const seen: { readonly headers: IncomingHttpHeaders; readonly body: string }[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const status = statuses[seen.length] ?? 200;
      seen.push({ headers: request.headers, body });
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${port}/effects`, seen, close };
};

test('the item is posted under the same key at every attempt', async () => {
  const { url, seen, close } = await listener();
  try {
    const post = httpPost({ url });
    for (let times = 0; times < 2; times += 1) await post({ id: 'käse 1', payload: { n: 1 } }, context);
    expect(seen.map(({ headers }) => headers['idempotency-key'])).toEqual(['j/k%C3%A4se%201', 'j/k%C3%A4se%201']);
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({ jobId: 'j', id: 'käse 1', payload: { n: 1 } });
  } finally {
    await close();
  }
});

test('whatever is not a 2xx has not taken it, and redirects are not followed', async () => {
  const { url, seen, close } = await listener(500, 302, 404);
  try {
    const post = httpPost({ url });
    for (const status of [500, 302, 404]) {
      await expect(post({ id: 'a', payload: null }, context)).rejects.toThrow(`EFFECT_URL answered with ${status}`);
    }
    expect(seen).toHaveLength(3);
  } finally {
    await close();
  }
});

test.each(['ftp://127.0.0.1/', 'file:///etc/passwd', 'effects', ''])('an address like %p is refused', (url) => {
  expect(() => httpPost({ url })).toThrow("Expected 'url' to be an http or https address");
});

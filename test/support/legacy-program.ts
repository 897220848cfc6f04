/**
 * A plain HTTP program that knows nothing of TLS, sidecars or deployment: `node legacy-program.ts [port]`. It prints
 * its port when it listens, and answers
 *
 * - `GET /` with its version,
 * - `ANY /echo` with what it received: method, path, raw headers, body,
 * - `GET /slow?ms=` after a while, `GET /drip?ms=` with a byte in each while, without end,
 * - `GET /die` by ending itself in the middle of the answer.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { argv } from 'node:process';
import { setInterval, setTimeout } from 'node:timers';

const echo = (request: IncomingMessage, response: ServerResponse): void => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { method, url, rawHeaders } = request;
    response.writeHead(200, { 'content-type': 'application/json', 'set-cookie': ['a=1', 'b=2'], te: 'trailers' });
    response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(parts).toString('latin1') }));
  });
};

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://legacy');
  const ms = Number(searchParams.get('ms') ?? 0);
  if (pathname === '/echo') echo(request, response);
  else if (pathname === '/slow') setTimeout(() => response.end('slow\n'), ms);
  else if (pathname === '/drip') {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), ms);
    response.on('close', () => clearInterval(timer));
  } else if (pathname === '/die') {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => request.socket.destroy());
  } else response.end('legacy 1\n');
});
// It speaks something else too, as old programs do: it repeats what it is sent.
server.on('upgrade', (_request, socket, head) => {
  socket.on('error', () => socket.destroy());
  socket.write(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-Legacy: yes\r\n\r\n',
  );
  socket.write(head);
  socket.pipe(socket);
});
server.listen({ host: '127.0.0.1', port: Number(argv[2] ?? 0) }, () => {
  const address = server.address();
  console.log(typeof address === 'object' && address !== null ? address.port : '');
});

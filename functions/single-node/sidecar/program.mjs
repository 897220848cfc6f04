// A plain HTTP program, as there are many: it has an address and a file of settings, and knows nothing of what stands
// beside it. Settings are read again when their file has changed.
import { readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';

const { HOST = '127.0.0.1', PORT = '8080', SETTINGS = 'settings.json' } = process.env;

let settings = { version: null, value: { greeting: 'Hello', repeat: 1 } };
let readAt = 0;

const readSettings = () => {
  const { mtimeMs } = statSync(SETTINGS);
  if (mtimeMs === readAt) return;
  settings = JSON.parse(readFileSync(SETTINGS, 'utf8'));
  readAt = mtimeMs;
};
readSettings();

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://program');
  if (pathname === '/health') return response.end('ok\n');
  if (pathname !== '/') return response.writeHead(404).end('not found\n');
  readSettings();
  const { greeting, repeat } = settings.value;
  const words = Array(repeat).fill(greeting).join(' ');
  response.setHeader('content-type', 'application/json');
  response.end(
    JSON.stringify({ says: `${words}, ${searchParams.get('name') ?? 'world'}!`, settings: settings.version }),
  );
});

server.listen(Number(PORT), HOST);
process.once('SIGTERM', () => server.close());

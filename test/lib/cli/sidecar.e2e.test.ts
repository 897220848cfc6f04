import { get } from 'node:http';
import { extensionsApi } from '../../support/extensions-api.ts';
import { freePort } from '../../../localstack/free-port.ts';
import { listens } from '../../support/processes.ts';
import { startCli, startLegacy, type Program } from '../../support/program.ts';
import { eventually } from '../../support/eventually.ts';

const open: Program[] = [];
const kept = <P extends Program>(program: P): P => {
  open.push(program);
  return program;
};
afterEach(async () => {
  for (const program of open.splice(0)) await program.end('SIGKILL');
});

interface Report {
  readonly status: string;
  readonly pid: number;
  readonly cpu: { readonly userMs: number };
  readonly openFiles: number | null;
}

const read = (address: string): Promise<Report> =>
  new Promise((resolve, reject) => {
    get(`${address}/topz`, { agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        body += part;
      });
      answer.once('end', () => resolve(JSON.parse(body) as Report));
    }).once('error', reject);
  });

const addressOf = ({ firstLine }: Program): string => firstLine.replace('topz ready ', '');

test('topz stands beside a program that knows nothing of it, sees it end, and stops when asked', async () => {
  const legacy = kept(await startLegacy());
  const sidecar = kept(await startCli(['sidecar', 'topz', '--pid', String(legacy.pid), '--port', '0']));
  expect(sidecar.firstLine).toMatch(/^topz ready http:\/\/127\.0\.0\.1:\d+$/);
  const address = addressOf(sidecar);
  const before = await read(address);
  expect(before).toMatchObject({ status: 'running', pid: legacy.pid });
  await Promise.all(
    Array.from({ length: 200 }, () => fetch(`http://127.0.0.1:${legacy.port}/echo`).then((answer) => answer.text())),
  );
  const after = await read(address);
  expect(after.cpu.userMs).toBeGreaterThan(before.cpu.userMs);
  await legacy.end('SIGKILL');
  expect(await read(address)).toMatchObject({ status: 'gone', pid: legacy.pid });
  expect(await sidecar.end('SIGTERM')).toBe(0);
  expect(await listens(Number(new URL(address).port))).toBe(false);
});

test('the log is a line of JSON for each entry, on the error output', async () => {
  const sidecar = kept(await startCli(['sidecar', 'topz', '--pid', String(process.pid), '--port', '0']));
  expect(await sidecar.end('SIGINT')).toBe(0);
  const lines = sidecar.errors().trim().split('\n');
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: 'info', sidecar: 'topz' });
});

test('a port that is taken is said, with 1', async () => {
  const first = kept(await startCli(['sidecar', 'topz', '--pid', String(process.pid), '--port', '0']));
  const port = new URL(addressOf(first)).port;
  await expect(startCli(['sidecar', 'topz', '--pid', String(process.pid), '--port', port])).rejects.toThrow(
    /ended \(1\) before it was ready:[^]*EADDRINUSE/,
  );
});

test('with the Extensions API of Lambda there, it runs as an extension from registration to shutdown', async () => {
  const api = await extensionsApi();
  const port = String(await freePort());
  const env = { AWS_LAMBDA_RUNTIME_API: api.address };
  const args = ['sidecar', 'topz', '--pid', String(process.pid), '--port', port, '--extension-name', 'topz-extension'];
  // As an extension it prints no line: who waits for it is Lambda.
  const ended = startCli(args, env).catch((error: unknown) => String(error));
  await eventually(() => api.isFrozen());
  expect(api.calls[0]?.headers['lambda-extension-name']).toBe('topz-extension');
  expect((await read(`http://127.0.0.1:${port}`)).pid).toBe(process.pid);
  api.invoke('r-1', Date.now() + 60_000);
  await eventually(() => api.calls.length === 3 && api.isFrozen());
  api.shutdown(Date.now() + 2_000);
  expect(await ended).toMatch(/ended \(0\)/);
  api.close();
});

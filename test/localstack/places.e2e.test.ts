import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { freePort } from '../../localstack/free-port.ts';
import { askPatiently, http, until } from '../support/http.ts';
import { listens, processTree, isAlive } from '../support/processes.ts';
import { startTestStack } from '../support/stack.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PATIENCE_MS = 90_000;

const oneItem = { worker: 'record', items: [{ id: 'a' }] };
const jobIsDone = async (apiUrl: string): Promise<void> => {
  const { status, json } = await askPatiently('POST', `${apiUrl}/work-queue/jobs`, { body: oneItem }, PATIENCE_MS);
  expect(status).toBe(202);
  const { jobId } = json as { jobId: string };
  await until(
    () => http('GET', `${apiUrl}/work-queue/jobs/${jobId}`),
    ({ text }) => text.includes('"status":"done"'),
    PATIENCE_MS,
  );
};

test('with AWS_ENDPOINT_URL the stack takes its primitives from there, and works on them', async () => {
  const below = await startTestStack();
  try {
    const above = await startTestStack({ env: { AWS_ENDPOINT_URL: below.info.awsEndpointUrl } });
    try {
      expect(above.info.awsEndpointUrl).toBe(below.info.awsEndpointUrl);
      expect(Object.values(above.info.queues)).toEqual(Object.values(below.info.queues));
      await jobIsDone(above.info.apiUrl);
      // It has no tables of its own.
      expect(processTree(above.pid).filter(({ command }) => command.includes('dynoxide'))).toEqual([]);
    } finally {
      expect(await above.stop()).toBe(0);
    }
    await jobIsDone(below.info.apiUrl);
  } finally {
    expect(await below.stop()).toBe(0);
  }
}, 240_000);

test('a bare `serverless offline start` brings its own primitives, and takes them with it', async () => {
  const port = await freePort();
  const manifest = createRequire(import.meta.url).resolve('serverless/package.json');
  const script = path.join(path.dirname(manifest), 'bin/serverless.js');
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(AWS_|ADMIN_TOKEN|NODE_OPTIONS|JEST_)/.test(name),
  );
  const child = spawn(process.execPath, [script, 'offline', 'start'], {
    cwd: ROOT,
    env: { ...Object.fromEntries(inherited), PORT: String(port), AWS_PORT: '0', LAMBDA_PORT: '0' },
    stdio: 'ignore',
  });
  const exited = once(child, 'exit');
  try {
    await until(() => listens(port), Boolean, PATIENCE_MS);
    await jobIsDone(`http://127.0.0.1:${port}`);
  } finally {
    const pids = processTree(child.pid ?? 0).map(({ pid }) => pid);
    expect(pids.length).toBeGreaterThan(2);
    child.kill('SIGINT');
    await exited;
    await until(
      async () => pids.filter(isAlive),
      (left) => left.length === 0,
      PATIENCE_MS,
    );
    expect(await listens(port)).toBe(false);
  }
}, 240_000);

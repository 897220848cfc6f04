import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { killFunctions, untilReplaced } from '../support/breaking.ts';
import { http, until } from '../support/http.ts';
import { isAlive, listens, processTree } from '../support/processes.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const PATIENCE_MS = 90_000;
const TEST_MS = 300_000;
const portOf = (url: string): number => Number(new URL(url).port);

/** What a stack has that could be left behind: its processes, its ports, its stack file. */
const tracesOf = (stack: TestStack) => {
  const pids = processTree(stack.pid).map(({ pid }) => pid);
  const ports = [portOf(stack.info.apiUrl), portOf(stack.info.awsEndpointUrl)];
  return async (): Promise<readonly string[]> => [
    ...pids.filter(isAlive).map((pid) => `process ${pid}`),
    ...(await Promise.all(ports.map(async (port) => ((await listens(port)) ? [`port ${port}`] : [])))).flat(),
  ];
};

const gone = (traces: () => Promise<readonly string[]>): Promise<readonly string[]> =>
  until(traces, (left) => left.length === 0, PATIENCE_MS);

describe('a stack', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    'ends at %s with exit code 0 and leaves no process, no port and no stack file',
    async (signal) => {
      const stack = await startTestStack();
      const traces = tracesOf(stack);
      expect((await traces()).length).toBeGreaterThan(3);
      expect(await stack.stop(signal)).toBe(0);
      await gone(traces);
      expect(existsSync(path.join(stack.stackDir, 'stack.json'))).toBe(false);
    },
    TEST_MS,
  );

  test(
    'that npm started ends when npm is asked to end, which waits for it',
    async () => {
      const stack = await startTestStack({ byNpm: true });
      const traces = tracesOf(stack);
      expect((await traces()).length).toBeGreaterThan(3);
      await stack.stop('SIGTERM');
      expect(await gone(traces)).toEqual([]);
      expect(existsSync(path.join(stack.stackDir, 'stack.json'))).toBe(false);
    },
    TEST_MS,
  );

  test(
    'leaves no process and no port when its supervisor is killed with -9',
    async () => {
      const stack = await startTestStack();
      const traces = tracesOf(stack);
      expect(await stack.stop('SIGKILL')).toBe('SIGKILL');
      await gone(traces);
    },
    TEST_MS,
  );

  test(
    'gets its function host back after kill -9, answers 503 in between, and ends cleanly after that',
    async () => {
      const stack = await startTestStack();
      try {
        const pid = await killFunctions(stack);
        const during = await until(
          () => http('GET', `${stack.info.apiUrl}/health`).catch(() => undefined),
          (answer) => answer?.status === 503,
          PATIENCE_MS,
          10,
        );
        expect(during?.headers.get('retry-after')).toBe('1');
        expect(during?.headers.get('content-type')).toBe('application/problem+json');
        await until(
          () => http('GET', `${stack.info.apiUrl}/health`).catch(() => undefined),
          (answer) => answer?.status === 200,
          PATIENCE_MS,
        );
        await untilReplaced(stack, pid, PATIENCE_MS);
      } finally {
        const traces = tracesOf(stack);
        const code = await stack.stop();
        expect(code === 0 ? code : stack.output()).toBe(0);
        await gone(traces);
      }
    },
    TEST_MS,
  );

  test(
    'ends with a clear error when its tables are killed',
    async () => {
      const stack = await startTestStack();
      const tables = processTree(stack.pid).find(
        ({ command }) => /dynoxide serve/.test(command) && !command.startsWith('sh'),
      );
      const traces = tracesOf(stack);
      // 0 would be this very process and its kin.
      if (tables === undefined) throw new Error('There are no tables to kill.');
      process.kill(tables.pid, 'SIGKILL');
      await until(
        async () => stack.output(),
        (output) => output.includes('The tables (dynoxide) ended'),
        PATIENCE_MS,
      );
      await gone(traces);
      expect(await stack.stop()).toBe(1);
    },
    TEST_MS,
  );
});

describe('a start that cannot succeed says why, and exits with 1', () => {
  test(
    'a port that is taken is named with its variable',
    async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const address = server.address();
      const port = typeof address === 'object' ? String(address?.port) : '';
      try {
        await expect(startTestStack({ env: { PORT: port } })).rejects.toThrow(`Port ${port} (PORT) is not free`);
      } finally {
        server.close();
      }
    },
    TEST_MS,
  );

  test.each([
    [{ PORT: 'abc' }, "Expected PORT to be a port from 0 (a free one) to 65535, got 'abc'."],
    [{ AWS_ENDPOINT_URL: 'https://sqs.eu-central-1.amazonaws.com' }, 'which is not on this machine'],
    [{ VISIBILITY_TIMEOUT_S: 'soon' }, 'VISIBILITY_TIMEOUT_S'],
  ])(
    '%j',
    async (env, message) => {
      await expect(startTestStack({ env })).rejects.toThrow(message);
    },
    TEST_MS,
  );

  test(
    'a flag that does not exist shows the usage',
    async () => {
      await expect(startTestStack({ args: ['--nodemo'] })).rejects.toThrow('Usage: npm start');
    },
    TEST_MS,
  );
});

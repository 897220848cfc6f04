import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FIXTURE, startHost, type TestHost } from './host.ts';
import { startPlace, type TestPlace } from './place.ts';

const NAME = 'plugin-fixture-local-fixture';
/** A host takes seconds to start, more on a machine that is busy. */
const PATIENCE_MS = 90_000;

let place: TestPlace;
const hosts: TestHost[] = [];

const start = (options: Parameters<typeof startHost>[0]): TestHost => {
  const host = startHost(options);
  hosts.push(host);
  return host;
};
const supervised = (environment: Readonly<Record<string, string>> = {}, args: readonly string[] = []): TestHost =>
  start({
    environment: { AWS_ENDPOINT_URL: place.url, ADMIN_TOKEN: place.adminToken, ...environment },
    args: ['offline', 'start', ...args],
  });

beforeAll(async () => {
  place = await startPlace();
}, PATIENCE_MS);
afterAll(async () => {
  for (const host of hosts) host.kill('SIGKILL');
  await Promise.all(hosts.map(({ exited }) => exited));
  await place.stop();
  // What hosts that were killed could not remove.
  rmSync(path.join(FIXTURE, '.esbuild'), { recursive: true, force: true });
}, PATIENCE_MS);

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const containing = (text: string): unknown => expect.stringContaining(text);

/** What the companion of the fixture wrote down. */
const heardBy = (file: string): { readonly message: { readonly httpUrl?: string }; readonly pid: number } =>
  JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof heardBy>;

const answerOf = async (url: unknown): Promise<Readonly<Record<string, string>>> => {
  const response = await fetch(String(url));
  return JSON.parse(await response.text()) as Readonly<Record<string, string>>;
};

describe('under a supervisor', () => {
  test(
    'the host creates what the template says, resolves the environments, reports, and comes back to the same',
    async () => {
      const first = supervised();
      const ready = await first.reported;
      expect(ready).toMatchObject({
        type: 'ready',
        pid: first.pid,
        queues: { [`${NAME}-items`]: containing('http'), [`${NAME}-dead-letters`]: containing('http') },
        tables: { [`${NAME}-jobs`]: `${NAME}-jobs` },
        buckets: { [`${NAME}-media`]: `${NAME}-media` },
        buses: { [`${NAME}-bus`]: containing('arn:') },
        functions: [`${NAME}-worker`],
        lambdaUrl: containing('http://127.0.0.1:'),
      });
      expect(await answerOf(ready?.['httpUrl'])).toMatchObject({
        STAGE: 'local',
        BUS: `${NAME}-bus`,
        QUEUE_ARN: `arn:aws:sqs:us-east-1:000000000000:${NAME}-items`,
        TABLE: `${NAME}-jobs`,
        BUCKET: `${NAME}-media`,
        SELF: `${NAME}-worker`,
        CHOSEN: 'here',
        ADMIN_TOKEN: place.adminToken,
        AWS_ENDPOINT_URL: place.url,
        AWS_ACCESS_KEY_ID: 'test',
      });
      expect(place.functions()).toMatchObject([
        {
          name: `${NAME}-worker`,
          key: 'fixtureWorker',
          timeoutS: 10,
          memoryMb: 1024,
          environment: { TABLE: `${NAME}-jobs` },
        },
      ]);
      const mappings = place.mappings.list();
      expect(mappings.map(({ mapping }) => mapping)).toMatchObject([
        { functionName: `${NAME}-worker`, batchSize: 10, reportBatchItemFailures: true },
      ]);

      first.kill('SIGKILL');
      await first.exited;
      const second = supervised({ VISIBILITY_TIMEOUT_S: '30' });
      expect(await second.reported).toMatchObject({ type: 'ready', queues: ready?.['queues'] });
      expect(place.mappings.list()).toEqual(mappings);
      expect(place.functions()).toMatchObject([{ timeoutS: 5 }]);

      second.disconnect();
      expect(await second.exited).toBe(0);
      expect(existsSync(path.join(FIXTURE, '.esbuild'))).toBe(false);
    },
    2 * PATIENCE_MS,
  );

  test.each<[string, Readonly<Record<string, string>>, readonly string[], string]>([
    ['a wrong token', { ADMIN_TOKEN: 'wrong' }, [], 'Could not register the functions'],
    ['no token', { ADMIN_TOKEN: '' }, [], 'Expected ADMIN_TOKEN to be the token of the stack'],
    ['an endpoint elsewhere', { AWS_ENDPOINT_URL: 'http://192.0.2.1:4566' }, [], 'is not on this machine'],
    ['another address to listen on', {}, ['--host', '0.0.0.0'], 'Expected --host to be 127.0.0.1'],
  ])(
    '%s is told to the supervisor and printed, once, without a stack, and ends the host',
    async (_, environment, args, message) => {
      const host = supervised(environment, args);
      expect(await host.reported).toEqual({ type: 'failed', message: containing(message) });
      expect(await host.exited).toBe(1);
      expect(host.output().split(message)).toHaveLength(2);
      expect(host.output()).not.toMatch(/^\s+at /m);
    },
    PATIENCE_MS,
  );

  test(
    'a bad setting ends the host with its name, its range and what was given',
    async () => {
      const host = supervised({ LEASE_MS: '5', LOG_LEVEL: 'loud' });
      expect(await host.exited).toBe(1);
      expect(host.output()).toContain("Expected LEASE_MS to be an integer from 1000 to 900000, got '5'.");
      expect(host.output()).toContain("Expected LOG_LEVEL to be one of debug, info, warn, error, got 'loud'.");
      expect(host.output()).not.toMatch(/^\s+at /m);
    },
    PATIENCE_MS,
  );

  test(
    "'serverless offline' is refused: it would leave out the resources",
    async () => {
      const host = start({ environment: { AWS_ENDPOINT_URL: place.url, ADMIN_TOKEN: 'any' }, args: ['offline'] });
      expect(await host.reported).toMatchObject({ type: 'failed', message: containing('offline start') });
      expect(await host.exited).toBe(1);
    },
    PATIENCE_MS,
  );
});

describe('without a supervisor', () => {
  let folder: string;
  let taken: Server;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'plugin-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
    taken.close();
  });

  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  test(
    'the host starts a companion, tells it where the functions are, and takes it along when it ends, by kill -9 too',
    async () => {
      const heard = path.join(folder, 'heard.json');
      const environment = { HEARD_FILE: heard, PORT: '0', LAMBDA_PORT: '0' };
      const host = start({ environment, isSupervised: false });
      await until(() => existsSync(heard) || !isRunning(host.pid));
      const { message, pid } = heardBy(heard);
      expect(message).toMatchObject({ type: 'ready', pid: host.pid, functions: [`${NAME}-worker`] });
      await until(() => host.output().includes('Server ready'));
      expect(await answerOf(message.httpUrl)).toMatchObject({ TABLE: `${NAME}-jobs` });
      host.kill('SIGKILL');
      await host.exited;
      await until(() => !isRunning(pid));
    },
    PATIENCE_MS,
  );

  test(
    'a companion that dies takes the host along, with a reason',
    async () => {
      const heard = path.join(folder, 'heard-2.json');
      const environment = { HEARD_FILE: heard, PORT: '0', LAMBDA_PORT: '0' };
      const host = start({ environment, isSupervised: false });
      await until(() => existsSync(heard) || !isRunning(host.pid));
      process.kill(heardBy(heard).pid, 'SIGKILL');
      expect(await host.exited).toBe(1);
      expect(host.output()).toContain('ended: SIGKILL');
    },
    PATIENCE_MS,
  );

  test(
    'a port that is taken is an error that names the port and the variable',
    async () => {
      taken = createServer();
      await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
      const address = taken.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const host = start({ environment: { PORT: String(port), LAMBDA_PORT: '0' }, isSupervised: false });
      expect(await host.exited).toBe(1);
      expect(host.output()).toContain(`Port ${port} (PORT) is not free`);
    },
    PATIENCE_MS,
  );
});

import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Log } from '#primitives/log';
import { startFront, type Front } from './embedded/front.ts';
import { faultRoute } from './embedded/fault-route.ts';
import { functionFaultRoute } from './embedded/front-faults.ts';
import { claimPort, freePort } from './free-port.ts';
import { functionHost, type FunctionHost, type HostReady } from './function-host.ts';
import { REGION, useDummyCredentials } from './plugin/account.ts';
import { startPrimitives, type Primitives } from './primitives.ts';
import { readStackFile, removeStackFile, writeStackFile, type StackInfo } from './stack-file.ts';
import { SettingsError, type StackSettings } from './stack-settings.ts';
import { SERVICE, STAGE } from './stage.ts';

export interface Stack {
  readonly info: StackInfo;
  /** Resolves with the reason when the stack cannot go on. Pending otherwise. */
  readonly failed: Promise<Error>;
  /** Stops everything that was started, the newest first, and removes the stack file. */
  stop(): Promise<void>;
}

const ROOT = path.resolve(import.meta.dirname, '..');

const infoOf = (options: {
  readonly ready: HostReady | undefined;
  readonly known: HostReady;
  readonly front: Front;
  readonly awsEndpointUrl: string;
  readonly adminToken: string;
}): StackInfo => {
  const { known } = options;
  return {
    apiUrl: options.front.url,
    awsEndpointUrl: options.awsEndpointUrl,
    pid: process.pid,
    functionHostPid: options.ready?.pid ?? null,
    adminToken: options.adminToken,
    region: REGION,
    queues: known.queues,
    tables: known.tables,
    buses: known.buses,
    buckets: known.buckets,
    functions: known.functions,
  };
};

const hostArguments = (httpPort: number, lambdaPort: number): readonly string[] => [
  'offline',
  'start',
  '--stage',
  STAGE,
  '--httpPort',
  String(httpPort),
  '--lambdaPort',
  String(lambdaPort),
];

/**
 * Starts the whole stack: primitives, function host, front, stack file. When a part does not come up, the parts that
 * did are stopped before the error is thrown.
 *
 * @throws {@link SettingsError} for a port that is taken, or a stack that runs from the same folder already.
 */
export const startStack = async (options: {
  readonly settings: StackSettings;
  /** For the functions. Credentials in it are replaced by dummies: nothing here may reach a real account. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly onHostOutput: (chunk: Buffer) => void;
}): Promise<Stack> => {
  const { settings, log } = options;
  const running = await readStackFile(settings.stackDir);
  if (running !== undefined)
    throw new SettingsError(
      `A stack runs from ${settings.stackDir} already (process ${running.pid}, ${running.apiUrl}). Stop it, or set STACK_DIR and the ports for a second one.`,
    );
  const httpPort = await claimPort(settings.httpPort, 'PORT');
  const awsPort = await claimPort(settings.awsPort, 'AWS_PORT');
  const lambdaPort = await claimPort(settings.lambdaPort, 'LAMBDA_PORT');
  const hostHttpPort = await freePort();
  const adminToken = randomBytes(24).toString('base64url');

  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = stops.pop(); step !== undefined; step = stops.pop())
      await step().catch((error: unknown) => log.error('a part did not stop cleanly', { error }));
  };

  useDummyCredentials(options.env);
  let host: FunctionHost | undefined;
  let known: HostReady | undefined;
  let publish: (ready: HostReady | undefined) => void = () => undefined;
  try {
    const primitives: Primitives = await startPrimitives({
      port: awsPort,
      adminToken,
      service: SERVICE,
      stage: STAGE,
      ...(settings.dataDir === undefined ? {} : { dataDir: settings.dataDir }),
      ...(settings.upstream === undefined ? {} : { upstream: settings.upstream }),
      functionHost: () => host?.current(),
      crashHost: () => host?.crash(),
      log: log.child({ part: 'endpoint' }),
    });
    stops.push(() => primitives.stop());

    const functionHostUrl = () => host?.current()?.httpUrl;
    const { faults } = primitives;
    const front = await startFront({
      port: httpPort,
      functionHostUrl,
      routes: [
        faultRoute({ faults, adminToken }),
        functionFaultRoute({
          faults,
          prefix: `${SERVICE}-${STAGE}-`,
          functionHostUrl,
          crashHost: () => host?.crash(),
        }),
      ],
      log: log.child({ part: 'front' }),
    });
    stops.push(() => front.close());

    host = functionHost({
      cwd: ROOT,
      args: hostArguments(hostHttpPort, lambdaPort),
      env: { ...options.env, AWS_ENDPOINT_URL: primitives.endpoint.url, ADMIN_TOKEN: adminToken },
      log: log.child({ part: 'function host' }),
      onOutput: options.onHostOutput,
      onChange: (ready) => publish(ready),
    });
    const started = host;
    stops.push(
      () => started.stop(),
      // Before the functions go: a batch that they work on is finished, not handed out again at the next start.
      () => primitives.drain(),
    );

    known = await Promise.race([
      started.ready,
      primitives.failed.then((error) => {
        throw error;
      }),
    ]);
    const base = {
      known,
      front,
      awsEndpointUrl: settings.upstream ?? primitives.endpoint.url,
      adminToken,
    };
    // Writes in the order of the changes: a slow one must not overtake the next.
    let writing = Promise.resolve();
    publish = (ready) => {
      writing = writing
        .then(() => writeStackFile(settings.stackDir, infoOf({ ...base, ready })))
        .catch((error: unknown) => log.error('the stack file was not written', { error }));
    };
    publish(started.current());
    await writing;
    stops.push(async () => {
      publish = () => undefined;
      await writing;
      await removeStackFile(settings.stackDir);
    });
    return Object.freeze({
      info: infoOf({ ...base, ready: known }),
      failed: Promise.race([primitives.failed, started.givenUp]),
      stop,
    });
  } catch (error) {
    await stop();
    throw error;
  }
};

import { randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Log } from '#primitives/log';
import { startFront, type Front } from './embedded/front.ts';
import { faultRoute } from './embedded/fault-route.ts';
import type { FaultInjector } from './embedded/faults.ts';
import { functionFaultRoute } from './embedded/front-faults.ts';
import { claimPort, freePort } from './free-port.ts';
import { functionHost, type FunctionHost, type HostReady } from './function-host.ts';
import { REGION, useDummyCredentials } from './plugin/account.ts';
import { startPrimitives } from './primitives.ts';
import { removeStackFile, writeStackFile, type StackInfo } from './stack-file.ts';
import type { StackSettings } from './stack-settings.ts';
import { SERVICE, STAGE } from './stage.ts';

export interface Stack {
  readonly info: StackInfo;
  /** Resolves with the reason when the stack cannot go on. Pending otherwise. */
  readonly failed: Promise<Error>;
  /** Stops everything that was started, the newest first, and removes the stack file. */
  stop(): Promise<void>;
}

const ROOT = path.resolve(import.meta.dirname, '..');

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

interface Ports {
  readonly http: number;
  readonly aws: number;
  readonly lambda: number;
  /** Behind the front. */
  readonly hostHttp: number;
}

const claimPorts = async (settings: StackSettings): Promise<Ports> => ({
  http: await claimPort(settings.httpPort, 'PORT'),
  aws: await claimPort(settings.awsPort, 'AWS_PORT'),
  lambda: await claimPort(settings.lambdaPort, 'LAMBDA_PORT'),
  hostHttp: await freePort(),
});

/** The function that answers a path: one for each pattern, one for each service beside them, and one for the rest. */
const functionOf =
  (functions: () => readonly string[]) =>
  (url: string): string => {
    const first = `${SERVICE}-${STAGE}-${/^\/([a-z][a-z-]*)/.exec(url)?.[1] ?? ''}`;
    const found = functions().find((name) => name === `${first}-http` || name === first);
    return found ?? `${SERVICE}-${STAGE}-root-http`;
  };

/** Where a fault switch of the service can fire. */
const placesOf = ({ queues, tables, buses, buckets, functions }: HostReady): readonly string[] => [
  'bus',
  ...Object.entries({ queue: queues, table: tables, bus: buses, bucket: buckets }).flatMap(([kind, names]) =>
    Object.keys(names).map((name) => `${kind}/${name}`),
  ),
  ...functions.map((name) => `function/${name}`),
];

/** The ambassador may speak to the functions of its own stack. */
const withTarget = (targets: string | undefined, url: string): string =>
  [targets, new URL(url).host].filter(Boolean).join(',');

const startEntrance = (options: {
  readonly port: number;
  readonly host: () => FunctionHost | undefined;
  readonly faults: FaultInjector;
  readonly places: () => readonly string[] | undefined;
  readonly adminToken: string;
  readonly log: Log;
}): Promise<Front> => {
  const { port, host, faults, places, adminToken, log } = options;
  const called = {
    functionHostUrl: () => host()?.current()?.httpUrl,
    functionOf: functionOf(() => host()?.current()?.functions ?? []),
  };
  const routes = [
    faultRoute({ faults, adminToken, places }),
    functionFaultRoute({ ...called, faults, crashHost: () => host()?.crash() }),
  ];
  return startFront({ ...called, port, routes, log });
};

/** Writes the stack file at each change of the host, one after the other: a slow write must not overtake the next. */
const stackFileWriter = (options: {
  readonly stackDir: string;
  readonly infoOf: (ready: HostReady | undefined) => StackInfo;
  readonly log: Log;
}) => {
  let writing = Promise.resolve();
  let ended = false;
  return {
    write: (ready: HostReady | undefined): Promise<void> => {
      if (ended) return writing;
      writing = writing
        .then(() => writeStackFile(options.stackDir, options.infoOf(ready)))
        .catch((error: unknown) => options.log.error('the stack file was not written', { error }));
      return writing;
    },
    remove: async (): Promise<void> => {
      ended = true;
      await writing;
      await removeStackFile(options.stackDir);
    },
  };
};

const rejectionOf = async (failed: Promise<Error>): Promise<never> => {
  throw await failed;
};

/**
 * Starts the whole stack: primitives, front, function host, stack file. When a part does not come up, the parts that
 * did are stopped before the error is thrown.
 *
 * @throws a SettingsError for a port that is taken.
 */
export const startStack = async (options: {
  readonly settings: StackSettings;
  /** For the functions. Credentials in it are replaced by dummies: nothing here may reach a real account. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly onHostOutput: (chunk: Buffer) => void;
}): Promise<Stack> => {
  const { settings, log } = options;
  const ports = await claimPorts(settings);
  const adminToken = randomBytes(24).toString('base64url');
  useDummyCredentials(options.env);

  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let step = stops.pop(); step !== undefined; step = stops.pop())
      await step().catch((error: unknown) => log.error('a part did not stop cleanly', { error }));
  };

  let host: FunctionHost | undefined;
  let places: readonly string[] | undefined;
  let onChange: (ready: HostReady | undefined) => void = () => undefined;
  try {
    const { dataDir, upstream, asyncRetryDelayMs } = settings;
    const primitives = await startPrimitives({
      port: ports.aws,
      adminToken,
      service: SERVICE,
      stage: STAGE,
      ...(dataDir === undefined ? {} : { dataDir }),
      ...(upstream === undefined ? {} : { upstream }),
      ttlSweepMs: settings.ttlSweepMs,
      asyncRetryDelayMs,
      functionHost: () => host?.current(),
      crashHost: () => host?.crash(),
      log: log.child({ part: 'endpoint' }),
    });
    stops.push(() => primitives.stop());
    const { faults, endpoint } = primitives;
    const front = await startEntrance({
      port: ports.http,
      host: () => host,
      faults,
      places: () => places,
      adminToken,
      log: log.child({ part: 'front' }),
    });
    stops.push(() => front.close());

    const started = functionHost({
      cwd: ROOT,
      args: hostArguments(ports.hostHttp, ports.lambda),
      env: {
        ...options.env,
        AWS_ENDPOINT_URL: endpoint.url,
        ADMIN_TOKEN: adminToken,
        AMBASSADOR_LOCAL_TARGETS: withTarget(options.env['AMBASSADOR_LOCAL_TARGETS'], front.url),
      },
      log: log.child({ part: 'function host' }),
      onOutput: options.onHostOutput,
      onChange: (ready) => onChange(ready),
    });
    host = started;
    // Before the functions go, what they work on is finished: it would be handed out again at the next start.
    stops.push(
      () => started.stop(),
      () => primitives.drain(),
    );

    const first = await Promise.race([started.ready, rejectionOf(primitives.failed)]);
    places = placesOf(first);
    const { queues, tables, buses, buckets, functions } = first;
    const infoOf = (ready: HostReady | undefined): StackInfo => ({
      apiUrl: front.url,
      awsEndpointUrl: upstream ?? endpoint.url,
      pid: process.pid,
      functionHostPid: ready?.pid ?? null,
      adminToken,
      region: REGION,
      queues,
      tables,
      buses,
      buckets,
      functions,
    });
    const file = stackFileWriter({ stackDir: settings.stackDir, infoOf, log });
    stops.push(() => file.remove());
    onChange = (ready) => void file.write(ready);
    await file.write(started.current());
    return Object.freeze({
      info: infoOf(started.current()),
      failed: Promise.race([primitives.failed, started.givenUp]),
      stop,
    });
  } catch (error) {
    await stop();
    throw error;
  }
};

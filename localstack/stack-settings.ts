import { parseArgs } from 'node:util';
import path from 'node:path';

/** What `npm start` was told, by flags and environment. */
export interface StackSettings {
  /** Functions over HTTP. 0 picks a free port. */
  readonly httpPort: number;
  /** The AWS endpoint. 0 picks a free port. */
  readonly awsPort: number;
  /** The function host's own Lambda API. 0 picks a free port. */
  readonly lambdaPort: number;
  /** Where the stack file, the log and the results of the demo go. Absolute. */
  readonly stackDir: string;
  /** Take the primitives from there instead of starting our own. A loopback address. */
  readonly upstream?: string;
  /** Keep the tables there between starts. Absolute. */
  readonly dataDir?: string;
  /** How often items past their time to live are removed. */
  readonly ttlSweepMs: number;
  /** The wait before an asynchronous invocation is tried again; twice that before the third try. */
  readonly asyncRetryDelayMs: number;
  readonly demo: boolean;
  readonly help: boolean;
}

export const START_USAGE = `Usage: npm start [-- --no-demo] [-- --data-dir DIR]

Starts the whole stack on this machine: the functions, and the queues, tables, buckets and buses they use.

  --no-demo        don't run the thumbnail work queue after the start
  --data-dir DIR   keep the tables on disk, in DIR, between starts
  --help           this text

Environment
  PORT             functions over HTTP (3000; 0 picks a free one)
  AWS_PORT         AWS endpoint (4566; 0 picks a free one)
  LAMBDA_PORT      Lambda API of the function host (3002; 0 picks a free one)
  TTL_SWEEP_MS     how often items past their time to live are removed (30000)
  STACK_DIR        where the stack file and the log go (.stack)
  ASYNC_RETRY_DELAY_S
                   wait before a failed asynchronous invocation is tried again, in seconds
                   (60, as on AWS; twice that before the third try)
  AWS_ENDPOINT_URL take queues, tables, buckets and buses from there; must be loopback
                   unless ALLOW_REMOTE_ENDPOINT=1
`;

/** A setting that cannot be used. The message names it, what is allowed and what was given. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

const portOf = (env: NodeJS.ProcessEnv, name: string, fallback: number): number => {
  const given = env[name];
  if (given === undefined || given === '') return fallback;
  if (!/^\d{1,5}$/.test(given) || Number(given) > 65_535)
    throw new SettingsError(`Expected ${name} to be a port from 0 (a free one) to 65535, got '${given}'.`);
  return Number(given);
};

const MIN_SWEEP_MS = 100;
const MAX_SWEEP_MS = 86_400_000;

const sweepOf = (env: NodeJS.ProcessEnv): number => {
  const given = env['TTL_SWEEP_MS'] || '30000';
  const ms = Number(given);
  if (Number.isInteger(ms) && ms >= MIN_SWEEP_MS && ms <= MAX_SWEEP_MS) return ms;
  throw new SettingsError(
    `Expected TTL_SWEEP_MS to be an integer from ${MIN_SWEEP_MS} to ${MAX_SWEEP_MS}, got '${given}'.`,
  );
};

const MAX_RETRY_DELAY_S = 3_600;
const MS_PER_S = 1_000;

const retryDelayOf = (env: NodeJS.ProcessEnv): number => {
  const given = env['ASYNC_RETRY_DELAY_S'] || '60';
  if (!/^\d{1,4}$/.test(given) || Number(given) < 1 || Number(given) > MAX_RETRY_DELAY_S)
    throw new SettingsError(
      `Expected ASYNC_RETRY_DELAY_S to be seconds from 1 to ${MAX_RETRY_DELAY_S}, got '${given}'.`,
    );
  return Number(given) * MS_PER_S;
};

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

const upstreamOf = (env: NodeJS.ProcessEnv): string | undefined => {
  const given = env['AWS_ENDPOINT_URL'];
  if (given === undefined || given === '') return undefined;
  const url = URL.parse(given);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new SettingsError(`Expected AWS_ENDPOINT_URL to be an http(s) address, got '${given}'.`);
  if (!LOOPBACK.has(url.hostname) && env['ALLOW_REMOTE_ENDPOINT'] !== '1')
    throw new SettingsError(
      `AWS_ENDPOINT_URL is '${given}', which is not on this machine: a local run must never drain somebody's real ` +
        'queue. Unset it, or set ALLOW_REMOTE_ENDPOINT=1 if you mean it.',
    );
  return url.origin;
};

/** @throws {@link SettingsError} for a flag or a variable that cannot be used. */
export const readStackSettings = (args: readonly string[], env: NodeJS.ProcessEnv): StackSettings => {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        'no-demo': { type: 'boolean' },
        'data-dir': { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }));
  } catch (error) {
    throw new SettingsError(`${error instanceof Error ? error.message : String(error)}\n\n${START_USAGE}`);
  }
  const dataDir = values['data-dir'];
  if (dataDir === '') throw new SettingsError('Expected --data-dir to name a folder, got nothing.');
  const upstream = upstreamOf(env);
  return Object.freeze({
    httpPort: portOf(env, 'PORT', 3000),
    // An emulator that somebody else runs has the usual port already.
    awsPort: portOf(env, 'AWS_PORT', upstream === undefined ? 4566 : 0),
    lambdaPort: portOf(env, 'LAMBDA_PORT', 3002),
    stackDir: path.resolve(env['STACK_DIR'] || '.stack'),
    ...(upstream === undefined ? {} : { upstream }),
    ...(dataDir === undefined ? {} : { dataDir: path.resolve(dataDir) }),
    ttlSweepMs: sweepOf(env),
    asyncRetryDelayMs: retryDelayOf(env),
    demo: values['no-demo'] !== true,
    help: values.help === true,
  });
};

import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { SettingsError } from '../stack-settings.ts';

/** What stands in for AWS: LocalStack in Docker, LocalStack as processes of this machine, or ministack. */
export const KINDS = ['docker', 'host', 'ministack'] as const;
export type Kind = (typeof KINDS)[number];

export const COMMANDS = ['up', 'down', 'status'] as const;

/** What `npm run localstack` was told, by arguments and environment. */
export interface LocalStackSettings {
  readonly command: (typeof COMMANDS)[number];
  /** Undefined: 4566 for `up`; whichever there is for `down` and `status`. */
  readonly port?: number;
  /** Undefined: Docker where an engine answers, else the host. */
  readonly kind?: Kind;
  /** Installations, logs, and what runs. Absolute. */
  readonly dir: string;
}

export const DEFAULT_PORT = 4566;

export const LOCALSTACK_USAGE = `Usage: npm run localstack -- up|down|status [options]

Starts, stops and shows LocalStack, which the stack is deployed to by npm run deploy:local.

  up               installs what is missing, starts, waits until it answers; everything in it is new
  down             stops it, with all that it started
  status           where it is up, since when, what of it runs; exit code 1 when nothing is up

  --port N         its port on 127.0.0.1 (${DEFAULT_PORT})
  --docker         in Docker. The default where an engine answers
  --host           as processes of this machine. Needs Python 3.13, a JDK 17 and Maven
  --ministack      ministack instead of LocalStack. Needs Python 3.13
  --help           this text

Environment
  LOCALSTACK_HOST_DIR    where it is installed and runs (~/.cache/distributed-patterns/localstack)
  PYTHON, JAVA_HOME      the Python and the JDK to take
  LOCALSTACK_AUTH_TOKEN  passed on to LocalStack in Docker
  LAMBDA_…, SQS_…, DEBUG passed on to LocalStack; localstack/README.md has the ones of use
`;

const refuse = (message: string): never => {
  throw new SettingsError(`${message}\n\n${LOCALSTACK_USAGE}`);
};

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        port: { type: 'string' },
        docker: { type: 'boolean' },
        host: { type: 'boolean' },
        ministack: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error));
  }
};

const portOf = (given: string): number =>
  /^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) <= 65_535
    ? Number(given)
    : refuse(`Expected --port to be a port from 1 to 65535, got '${given}'.`);

/**
 * @returns The settings, or `help` when that was asked for.
 * @throws {@link SettingsError} for an argument that cannot be used; it shows the usage.
 */
export const readLocalStackSettings = (
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): LocalStackSettings | 'help' => {
  const { values, positionals } = parse(args);
  if (values.help === true) return 'help';
  const command = COMMANDS.find((name) => name === positionals[0]);
  if (command === undefined || positionals.length > 1)
    return refuse(`Expected one command, ${COMMANDS.join(', ')}, got '${positionals.join(' ')}'.`);
  const kinds = KINDS.filter((kind) => values[kind] === true);
  if (kinds.length > 1) refuse(`Expected one of --docker, --host and --ministack, got --${kinds.join(', --')}.`);
  if (command !== 'up' && kinds.length > 0) refuse(`Expected --${kinds.join()} with up, got it with ${command}.`);
  const [kind] = kinds;
  return Object.freeze({
    command,
    ...(values.port === undefined ? {} : { port: portOf(values.port) }),
    ...(kind === undefined ? {} : { kind }),
    dir: path.resolve(env['LOCALSTACK_HOST_DIR'] || path.join(homedir(), '.cache/distributed-patterns/localstack')),
  });
};

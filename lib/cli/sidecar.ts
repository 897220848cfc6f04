import { InvalidArgumentError } from '#primitives/errors';
import { jsonLog } from '#primitives/json-log';
import type { Json } from '#primitives/table';
import type { LogLevel } from '#primitives/log';
import { lambdaExtension } from '#single-node/sidecar/lambda-extension';
import { runSidecar } from '#single-node/sidecar/run-sidecar';
import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { optionsHelp, readOptions, type CliOptions } from './options.ts';
import type { SidecarCommand } from './sidecar-command.ts';
import { sidecarCommands } from './sidecars.ts';

/** Of every sidecar, whatever it does. */
const commonOptions: CliOptions = {
  'start-ms': { kind: 'integer', min: 1, max: 600_000, default: 10_000, help: 'how long the start may take' },
  'stop-ms': { kind: 'integer', min: 1, max: 600_000, default: 10_000, help: 'how long finishing may take at the end' },
  'before-ms': {
    kind: 'integer',
    min: 1,
    max: 600_000,
    default: 1_000,
    help: 'as an extension: for work at each call',
  },
  'extension-name': {
    kind: 'text',
    value: 'FILE',
    help: 'as an extension: the name of its file in /opt/extensions (default: of the sidecar)',
  },
  'log-level': { kind: 'text', value: 'LEVEL', default: 'info', help: 'debug, info, warn or error' },
  help: { kind: 'flag', help: 'print this text' },
};

const listHelp = (): string => {
  const names = Object.keys(sidecarCommands);
  const width = Math.max(0, ...names.map((name) => name.length));
  const lines = Object.entries(sidecarCommands).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: distributed-patterns sidecar NAME [options]

Runs a companion of a program that does not know of it, until SIGTERM or SIGINT. When it does its work it prints a line
with its name, and its address if it has one; the log goes to the error output, a line of JSON for each entry. Where
AWS_LAMBDA_RUNTIME_API is set it runs as an external extension of Lambda.

Sidecars:
${lines.join('\n')}

'distributed-patterns sidecar NAME --help' says more about one.
Exit codes: 0 stopped as asked, 1 did not start or did not stop cleanly, 2 the arguments make no sense.`;
};

const helpOf = (name: string, command: SidecarCommand): string => `Usage: distributed-patterns sidecar ${name} [options]

${command.help.trim()}

Options:
${optionsHelp({ ...command.options, ...commonOptions })}`;

const addressOf = (report: Json): string => {
  const isObject = typeof report === 'object' && report !== null && 'address' in report;
  return isObject && typeof report.address === 'string' ? ` ${report.address}` : '';
};

const run = async (name: string, command: SidecarCommand, args: readonly string[], context: CliContext) => {
  const values = readOptions(args, { ...command.options, ...commonOptions });
  if (values.flag('help')) {
    context.out(helpOf(name, command));
    return exitCodes.done;
  }
  const { clock, random, env, signal } = context;
  const log = jsonLog({ write: context.error, clock, level: values.text('log-level') as LogLevel });
  const place = { clock, log, signal, startMs: values.integer('start-ms'), stopMs: values.integer('stop-ms') };
  const beforeMs = values.integer('before-ms');
  const sidecar = await command.make(values, { clock, random, env, log: log.child({ sidecar: name }) });
  const api = env['AWS_LAMBDA_RUNTIME_API'];
  const isClean = await (api === undefined
    ? runSidecar({
        ...place,
        sidecar,
        ready: (report) => context.out(`${name} ready${addressOf(report)}`),
      })
    : lambdaExtension({
        ...place,
        sidecars: [sidecar],
        api,
        beforeMs,
        name: values.has('extension-name') ? values.text('extension-name') : name,
      }));
  return isClean ? exitCodes.done : exitCodes.failed;
};

/**
 * `sidecar NAME [options]`: runs one until it is asked to end, and gives the exit code: 0 when it stopped as asked, 1
 * when it did not start or did not stop cleanly, 2 when the arguments make no sense.
 */
export const sidecarCli = async (args: readonly string[], context: CliContext): Promise<number> => {
  const [name, ...rest] = args;
  const names = Object.keys(sidecarCommands).join(', ');
  if (name === '--help' || name === '-h') {
    context.out(listHelp());
    return exitCodes.done;
  }
  const command = name !== undefined && Object.hasOwn(sidecarCommands, name) ? sidecarCommands[name] : undefined;
  if (name === undefined || command === undefined) {
    const got = name === undefined ? 'nothing' : `'${name.slice(0, 64)}'`;
    context.error(`distributed-patterns sidecar: expected one of ${names}, got ${got}`);
    return exitCodes.usage;
  }
  try {
    return await run(name, command, rest.includes('-h') ? ['--help'] : rest, context);
  } catch (error) {
    const isUsage = error instanceof InvalidArgumentError;
    const hint = isUsage ? `; try 'distributed-patterns sidecar ${name} --help'` : '';
    context.error(
      `distributed-patterns sidecar ${name}: ${error instanceof Error ? error.message.replace(/\.$/, '') : 'failed'}${hint}`,
    );
    return isUsage ? exitCodes.usage : exitCodes.failed;
  }
};

import type { CliContext } from './context.ts';
import { exitCodes } from './exit-codes.ts';
import { sidecarCli } from './sidecar.ts';

const help = `Usage: distributed-patterns [option]
       distributed-patterns sidecar NAME [options]

The patterns of Designing Distributed Systems as TypeScript components.

Commands:
  sidecar NAME   run a companion beside a program; 'sidecar --help' lists them

Options:
  --help, -h     print this text
  --version, -v  print the version`;

/**
 * Carries out the command that the arguments name and returns the exit code: 0 when it was done, 1 when it failed, 2
 * when the arguments make no sense, which is said on `error` together with what would. Never throws.
 */
export const runCli = async (args: readonly string[], context: CliContext): Promise<number> => {
  const [first, ...rest] = args;
  const refuse = (what: string): number => {
    context.error(`distributed-patterns: ${what}; try 'distributed-patterns --help'`);
    return exitCodes.usage;
  };

  if (first === undefined) return refuse('expected a command or an option, got none');
  if (first === 'sidecar') return sidecarCli(rest, context);
  if (rest.length > 0) return refuse(`expected one argument, got ${args.length}`);
  if (first === '--help' || first === '-h') {
    context.out(help);
    return exitCodes.done;
  }
  if (first === '--version' || first === '-v') {
    context.out(context.version);
    return exitCodes.done;
  }
  return refuse(first.startsWith('-') ? `unknown option '${first}'` : `unknown command '${first}'`);
};

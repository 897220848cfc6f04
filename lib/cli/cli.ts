/** Where the command line writes, and what it knows about itself. */
export interface CliContext {
  readonly out: (line: string) => void;
  readonly error: (line: string) => void;
  readonly version: string;
}

const help = `Usage: distributed-patterns [option]

The patterns of Designing Distributed Systems as TypeScript components.

Options:
  --help, -h     print this text
  --version, -v  print the version`;

/** The exit code for arguments that make no sense, as of the shells' own commands. */
const usageErrorCode = 2;

/**
 * Carries out the command that the arguments name and returns the exit code: 0 when it was done, 2 when the arguments
 * make no sense, which is said on `error` together with what would. Never throws.
 */
export const runCli = (args: readonly string[], context: CliContext): number => {
  const [first, ...rest] = args;
  const refuse = (what: string): number => {
    context.error(`distributed-patterns: ${what}; try 'distributed-patterns --help'`);
    return usageErrorCode;
  };

  if (first === undefined) return refuse('expected an option, got none');
  if (rest.length > 0) return refuse(`expected one argument, got ${args.length}`);
  if (first === '--help' || first === '-h') {
    context.out(help);
    return 0;
  }
  if (first === '--version' || first === '-v') {
    context.out(context.version);
    return 0;
  }
  return refuse(first.startsWith('-') ? `unknown option '${first}'` : `unknown command '${first}'`);
};

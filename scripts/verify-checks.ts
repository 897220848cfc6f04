import { runLimited, seconds } from './run-limited.ts';

export interface Check {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly limitMs: number;
  /** What is wrong with the output of a run that says it went well: some tools are content when they saw nothing. */
  readonly doubt?: (output: string) => string | undefined;
}

const folders = ['lib', 'functions', 'localstack', 'scripts', 'test'];

/** dependency-cruiser is content with an empty folder, so the number of modules in its summary is looked at. */
const sawModules = (output: string): string | undefined => {
  const seen = Number(/\((\d+) modules/.exec(output)?.[1] ?? 0);
  return seen >= 10
    ? undefined
    : `Expected at least 10 modules to be looked at, got ${seen}: the layers were not checked.`;
};

export const checks: readonly Check[] = [
  { name: 'types', command: ['tsc', '--noEmit'], limitMs: 180_000 },
  { name: 'lint', command: ['oxlint', '--type-aware', '--deny-warnings'], limitMs: 120_000 },
  { name: 'format', command: ['oxfmt', '--check', '.'], limitMs: 60_000 },
  {
    name: 'layers',
    command: ['depcruise', '--output-type', 'err-long', ...folders],
    limitMs: 60_000,
    doubt: sawModules,
  },
  { name: 'unused', command: ['knip', '--no-progress', '--treat-config-hints-as-errors'], limitMs: 120_000 },
];

export interface Verdict {
  readonly passedCount: number;
  readonly failedCount: number;
}

export interface VerifyOptions {
  readonly checks: readonly Check[];
  readonly print: (line: string) => void;
  /** Ends the running checks; those that did not run count as failed. */
  readonly signal: AbortSignal;
}

const runCheck = async (check: Check, { print, signal }: VerifyOptions): Promise<boolean> => {
  const result = await runLimited({ command: check.command, limitMs: check.limitMs, output: 'keep', signal });
  const wentWell = result.end === 'exited' && result.exitCode === 0;
  const doubt = wentWell ? check.doubt?.(result.output) : undefined;
  const passed = wentWell && doubt === undefined;
  print(`${check.name.padEnd(8)} ${passed ? 'ok    ' : 'FAILED'} ${seconds(result.tookMs)}`);
  if (passed) return true;
  if (result.end === 'time limit') print(`${check.command[0]} did not end within ${seconds(check.limitMs)}.`);
  print([result.output.trimEnd(), doubt].filter(Boolean).join('\n'));
  return false;
};

/**
 * Runs every check, two at a time, and prints a line for each, with its whole output when it failed. A check that
 * fails does not keep the others from running.
 */
export const verify = async (options: VerifyOptions): Promise<Verdict> => {
  const queue = [...options.checks];
  let passedCount = 0;
  const worker = async (): Promise<void> => {
    for (let check = queue.shift(); check !== undefined && !options.signal.aborted; check = queue.shift()) {
      if (await runCheck(check, options)) passedCount += 1;
    }
  };
  await Promise.all([worker(), worker()]);
  return { passedCount, failedCount: options.checks.length - passedCount };
};

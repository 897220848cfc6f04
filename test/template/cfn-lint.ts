import { spawnSync } from 'node:child_process';

/** The release that the templates were mended for; `pip install cfn-lint==1.58.0`, Python 3.9 or later. */
export const CFN_LINT_VERSION = '1.58.0';
const TIMEOUT_MS = 120_000;

const run = (program: string, args: readonly string[]) =>
  spawnSync(program, args, { encoding: 'utf8', timeout: TIMEOUT_MS });

/**
 * The program: what `CFN_LINT` names, else `cfn-lint` on the PATH; undefined when there is none.
 *
 * @throws Error when `CFN_LINT` names something that does not run: who sets it wants it used.
 */
export const findCfnLint = (): string | undefined => {
  const { CFN_LINT: named } = process.env;
  const program = named || 'cfn-lint';
  if (run(program, ['--version']).status === 0) return program;
  if (named) throw new Error(`Expected CFN_LINT to name a program that runs, got '${named}'.`);
  return undefined;
};

/** What it finds wrong with a template, errors and warnings alike; empty when nothing. */
export const cfnLint = (program: string, templateFile: string): string => {
  const { status, stdout, stderr, error } = run(program, ['--format', 'parseable', '--template', templateFile]);
  const found = `${stdout}${stderr}`.trim();
  return status === 0 ? found : found || String(error ?? `exit code ${status}`);
};

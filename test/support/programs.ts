import { execFileSync } from 'node:child_process';

const has = (program: string): boolean => {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
};

/**
 * A test that needs a program which npm does not bring. Where the machine lacks it the test is counted as skipped, and
 * its title says why.
 */
export const testWith = (program: string) => {
  const isThere = has(program);
  return (title: string, run: () => Promise<void>, timeoutMs?: number): void =>
    (isThere ? test : test.skip)(
      isThere ? title : `NOT RUN, NO ${program.toUpperCase()} ON THE PATH: ${title}`,
      run,
      timeoutMs,
    );
};

/** What a program writes when it is given `input`. */
export const outputOf = (program: string, args: readonly string[], input: string): string =>
  execFileSync(program, args, { input, encoding: 'utf8', timeout: 20_000 });

import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { matchesOutput, readmeCommands } from './support/readme.ts';
import { startTestStack, type TestStack } from './support/stack.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const READMES = ['README.md', 'functions/serving/ownership-election/README.md', 'functions/batch/work-queue/README.md'];
const TIMEOUT_MS = 60_000;
const run = promisify(execFile);

const hasAwsCli = ((): boolean => {
  try {
    execFileSync('aws', ['--version'], { stdio: 'ignore', timeout: 20_000 });
    return true;
  } catch {
    return false;
  }
})();

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(() => stack.stop(), 60_000);

/** The addresses and the folder of a stack that was started without settings are those of this one. */
const here = (text: string): string =>
  text
    .replaceAll('http://127.0.0.1:3000', stack.info.apiUrl)
    .replaceAll('http://127.0.0.1:4566', stack.info.awsEndpointUrl)
    .replaceAll('.stack/stack.json', path.join(stack.stackDir, 'stack.json'));

describe.each(READMES)('the commands of %s print what it says', (file) => {
  const commands = readmeCommands(readFileSync(path.join(ROOT, file), 'utf8'));
  /** Earlier blocks of the same README: their variables are still set, as in a terminal. */
  const before: string[] = [];

  test('there are some', () => {
    expect(commands.length).toBeGreaterThan(0);
  });

  for (const { line, command, expected, mark } of commands) {
    const isAws = mark === 'aws';
    const title = `line ${line}: ${command.split('\n')[0]}`;
    (isAws && !hasAwsCli ? test.skip : test)(
      isAws && !hasAwsCli ? `NOT RUN, no AWS CLI on the PATH: ${title}` : title,
      async () => {
        const marker = '----8<----';
        const script = [...before.map((block) => `{ ${block}\n} >/dev/null 2>&1`), `echo '${marker}'`, command].join(
          '\n',
        );
        const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', here(script)], {
          cwd: ROOT,
          timeout: TIMEOUT_MS,
        });
        // Only what sets variables is repeated: a command that acts acts once.
        before.push(...command.split('\n').filter((text) => /^(export |TOKEN=)/.test(text)));
        const output = stdout.slice(stdout.indexOf(marker) + marker.length);
        if (expected !== undefined && !matchesOutput(output, here(expected)))
          throw new Error(`${file}:${line} printed\n${output}\ninstead of\n${expected}`);
      },
      TIMEOUT_MS + 5_000,
    );
  }
});

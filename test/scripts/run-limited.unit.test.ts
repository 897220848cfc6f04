import { runLimited } from '../../scripts/run-limited.ts';

const node = (source: string): readonly [string, ...string[]] => [process.execPath, '--eval', source];

/** Whether a process runs; a zombie that nobody collected yet would count as one, so give it a moment. */
const isGone = async (pid: number): Promise<boolean> => {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return false;
};

test('a program that ends by itself gives its exit code and all it wrote', async () => {
  const result = await runLimited({
    command: node('console.log("out"); console.error("err"); process.exitCode = 3'),
    limitMs: 20_000,
    output: 'keep',
  });
  expect(result).toMatchObject({ end: 'exited', exitCode: 3 });
  expect(result.output).toContain('out');
  expect(result.output).toContain('err');
});

test('at the time limit the program and what it started are ended', async () => {
  const result = await runLimited({
    command: node(`
      const child = require('node:child_process').spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)']);
      console.log(child.pid);
      setInterval(() => {}, 1e6);
    `),
    limitMs: 5_000,
    output: 'keep',
  });
  expect(result.end).toBe('time limit');
  expect(Number(result.output)).toBeGreaterThan(0);
  expect(await isGone(Number(result.output))).toBe(true);
});

test('what a program leaves behind in its group is ended with it, and is not waited for', async () => {
  const result = await runLimited({
    command: node(`
      const { spawn } = require('node:child_process');
      const child = spawn(process.execPath, ['--eval', 'setInterval(() => {}, 1e6)'], { stdio: 'inherit' });
      child.unref();
      console.log(child.pid);
    `),
    limitMs: 20_000,
    output: 'keep',
  });
  expect(result).toMatchObject({ end: 'exited', exitCode: 0 });
  expect(await isGone(Number(result.output))).toBe(true);
});

test('an abort ends the program, also one that came before the start', async () => {
  const result = await runLimited({
    command: node('setInterval(() => {}, 1e6)'),
    limitMs: 20_000,
    output: 'keep',
    signal: AbortSignal.abort(),
  });
  expect(result.end).toBe('aborted');
});

test('a program that does not exist is a result that names it', async () => {
  const result = await runLimited({ command: ['no-such-program'], limitMs: 20_000, output: 'keep' });
  expect(result).toMatchObject({ end: 'not started', exitCode: 127 });
  expect(result.output).toContain('no-such-program');
});

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runStep, StepError } from '../../../localstack/localstack/run.ts';
import { isAlive } from '../../support/processes.ts';

const sh = (script: string, limitMs = 20_000) => ({
  what: 'the step',
  command: ['sh', '-c', script] as const,
  limitMs,
});

const pidIn = (message: string): number => Number(/pid (\d+)/.exec(message)?.[1]);

test('gives what the program wrote, and keeps it in the log', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'run-'));
  try {
    const logFile = path.join(folder, 'log');
    expect(await runStep({ ...sh('echo out; echo err >&2'), logFile })).toBe('out\nerr\n');
    expect(await readFile(logFile, 'utf8')).toBe('\n$ sh -c echo out; echo err >&2\nout\nerr\n');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a program that fails is named, with its exit code and its last words', async () => {
  await expect(runStep(sh('echo no such wheel; exit 3'))).rejects.toThrow('the step ended with 3:\nno such wheel');
  await expect(runStep(sh('exit 1'))).rejects.toThrow('(it said nothing)');
});

test('a program that is not there is an error that names the step', async () => {
  const step = { what: 'mvn copy', command: ['/nowhere/mvn'] as const, limitMs: 1_000 };
  await expect(runStep(step)).rejects.toThrow(StepError);
  await expect(runStep(step)).rejects.toThrow('mvn copy could not be started');
});

test('at its time limit the program is ended with what it started, and the error says so', async () => {
  const error = await runStep(sh('sleep 600 & echo pid $!; wait', 300)).catch((caught: unknown) => caught);
  expect(String(error)).toContain('the step did not end within 0.3 s');
  expect(isAlive(pidIn(String(error)))).toBe(false);
});

test('at an abort the program is ended, and the reason is the error', async () => {
  const ending = new AbortController();
  const running = runStep({ ...sh('sleep 600', 600_000), signal: ending.signal });
  ending.abort(new Error('Ctrl-C'));
  await expect(running).rejects.toThrow('Ctrl-C');
  await expect(runStep({ ...sh('exit 0'), signal: ending.signal })).rejects.toThrow('Ctrl-C');
});

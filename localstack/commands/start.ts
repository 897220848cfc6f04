import { systemClock } from '#primitives/system-clock';
import { jsonLog } from '#primitives/json-log';
import { callStack, patiently } from '../../functions/demo.ts';
import { workQueueDemo } from '../../functions/batch/work-queue/demo.ts';
import { readSettings } from '../../functions/settings.ts';
import { SERVICE, STAGE } from '../stage.ts';
import { openStackLog } from '../stack-log.ts';
import { claimStackDir } from '../stack-dir.ts';
import { readStackSettings, SettingsError, START_USAGE, type StackSettings } from '../stack-settings.ts';
import { startStack, type Stack } from '../supervisor.ts';
import { openTerminal, showResults, type Terminal } from './terminal.ts';

interface PatternEntry {
  readonly name: string;
  readonly part: string;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Resolves at the first signal that asks for the end; a second one ends the process at once. */
const askedToStop = (): Promise<NodeJS.Signals> =>
  new Promise((resolve) => {
    let asked = false;
    for (const signal of SIGNALS)
      process.on(signal, () => {
        if (asked) process.exit(1);
        asked = true;
        resolve(signal);
      });
  });

/** Functions that die in their first moment are started again: no reason to end all the rest. */
const PATIENCE_MS = 120_000;

const showAddresses = async (stack: Stack, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  const { apiUrl, awsEndpointUrl } = stack.info;
  const { patterns } = await patiently(
    () => callStack<{ patterns: readonly PatternEntry[] }>(stack.info, 'GET', '/', { signal }),
    { signal, patienceMs: PATIENCE_MS },
  );
  terminal.table([
    ['functions', apiUrl],
    ['AWS endpoint', awsEndpointUrl],
    ['admin token', stack.info.adminToken],
    ...patterns.map(({ name }) => [name, `${apiUrl}/${name}`]),
  ]);
};

const runDemo = async (
  stack: Stack,
  settings: StackSettings,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  terminal.say('');
  try {
    const shown = await workQueueDemo.thumbnails({ ...stack.info, stackDir: settings.stackDir }, terminal, signal);
    showResults(terminal, workQueueDemo.pattern, shown);
  } catch (error) {
    if (!signal.aborted) terminal.say(terminal.bad(`The demo did not end: ${messageOf(error)}`));
  }
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const main = async (): Promise<number> => {
  const terminal = openTerminal(process.stdout, process.env);
  const settings = readStackSettings(process.argv.slice(2), process.env);
  if (settings.help) {
    terminal.say(START_USAGE);
    return 0;
  }
  readSettings(process.env, { service: SERVICE, stage: STAGE });
  const release = await claimStackDir(settings.stackDir);
  const stop = askedToStop();
  const logFile = openStackLog({ stackDir: settings.stackDir, show: terminal.say, colors: terminal.colors });
  const log = jsonLog({ level: 'info', clock: systemClock(), write: logFile.write });
  const startedMs = performance.now();
  terminal.say('Starting the stack …');
  let stack: Stack | undefined;
  try {
    stack = await startStack({ settings, env: process.env, log, onHostOutput: logFile.output });
    terminal.say(`Up after ${((performance.now() - startedMs) / 1000).toFixed(1)} s. Log: ${logFile.file}`);
    const ending = new AbortController();
    const end = Promise.race([stop.then(() => undefined), stack.failed.then((error) => error)]).finally(() =>
      ending.abort(),
    );
    await showAddresses(stack, terminal, ending.signal).catch((error: unknown) => {
      if (!ending.signal.aborted) throw error;
    });
    if (settings.demo) await Promise.race([runDemo(stack, settings, terminal, ending.signal), end]);
    if (!ending.signal.aborted) terminal.say('\nThe stack is up. Ctrl-C stops it.');
    const failure = await end;
    if (failure !== undefined) throw failure;
    terminal.say('Stopping …');
    return 0;
  } finally {
    await stack?.stop();
    await logFile.close();
    await release();
  }
};

const showFailure = (error: unknown): void => {
  process.stderr.write(`\n${messageOf(error)}\n`);
  if (error instanceof SettingsError) return;
  if (error instanceof Error && error.cause !== undefined) process.stderr.write(`${messageOf(error.cause)}\n`);
};

try {
  process.exit(await main());
} catch (error) {
  showFailure(error);
  process.exit(1);
}

import { systemClock } from '#primitives/system-clock';
import { jsonLog } from '#primitives/json-log';
import type { Demo, Shown } from '../../functions/demo.ts';
import { DEMOS } from '../../functions/demos.ts';
import { useDummyCredentials } from '../plugin/account.ts';
import { readStackFile, type StackInfo } from '../stack-file.ts';
import { claimStackDir } from '../stack-dir.ts';
import { openStackLog } from '../stack-log.ts';
import { readStackSettings, SettingsError } from '../stack-settings.ts';
import { startStack } from '../supervisor.ts';
import { openTerminal, showResults, type Terminal } from './terminal.ts';

const names = DEMOS.map(({ pattern }) => pattern).join(', ');

const USAGE = `Usage: npm run demo [-- PATTERN…]

Drives the patterns of a running stack, or of one that it starts itself, and says what was shown.
Patterns: ${names}. Without a name: all of them. Exits with 1 when something did not hold.
`;

const chosenDemos = (args: readonly string[]): readonly Demo[] => {
  const unknown = args.filter((arg) => !DEMOS.some(({ pattern }) => pattern === arg));
  if (unknown.length > 0)
    throw new SettingsError(`Expected each pattern to be one of ${names}, got '${unknown.join("', '")}'.\n\n${USAGE}`);
  return args.length === 0 ? DEMOS : DEMOS.filter(({ pattern }) => args.includes(pattern));
};

const runAll = async (
  demos: readonly Demo[],
  info: StackInfo,
  stackDir: string,
  terminal: Terminal,
): Promise<boolean> => {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort());
  const all: (readonly [string, readonly Shown[]])[] = [];
  for (const demo of demos) {
    terminal.say(terminal.bold(demo.pattern));
    all.push([demo.pattern, await demo.run({ ...info, stackDir }, terminal, ending.signal)]);
  }
  for (const [pattern, shown] of all) showResults(terminal, pattern, shown);
  const broken = all.flatMap(([, shown]) => shown.filter(({ held }) => !held));
  terminal.say(broken.length === 0 ? terminal.good('\nAll held.') : terminal.bad(`\n${broken.length} did not hold.`));
  return broken.length === 0;
};

const main = async (): Promise<boolean> => {
  const args = process.argv.slice(2);
  const terminal = openTerminal(process.stdout, process.env);
  if (args.includes('--help') || args.includes('-h')) {
    terminal.say(USAGE);
    return true;
  }
  const demos = chosenDemos(args);
  useDummyCredentials(process.env);
  const settings = readStackSettings([], process.env);
  const running = await readStackFile(settings.stackDir);
  if (running !== undefined) return runAll(demos, running, settings.stackDir, terminal);

  terminal.say('No stack is running here: starting one.');
  const release = await claimStackDir(settings.stackDir);
  const logFile = openStackLog({ stackDir: settings.stackDir, show: terminal.say, colors: terminal.colors });
  const log = jsonLog({ level: 'info', clock: systemClock(), write: logFile.write });
  const stack = await startStack({ settings, env: process.env, log, onHostOutput: logFile.output });
  try {
    return await runAll(demos, stack.info, settings.stackDir, terminal);
  } finally {
    await stack.stop();
    await logFile.close();
    await release();
  }
};

try {
  process.exit((await main()) ? 0 : 1);
} catch (error) {
  process.stderr.write(`\n${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}

import { healthOf, isUp, processesOf, readInstance, readInstances, type Instance } from '../localstack/instance.ts';
import { logFileOf } from '../localstack/launch.ts';
import {
  DEFAULT_PORT,
  LOCALSTACK_USAGE,
  readLocalStackSettings,
  type LocalStackSettings,
} from '../localstack/settings.ts';
import { startLocalStack, stopInstance } from '../localstack/stack.ts';
import { SettingsError } from '../stack-settings.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const INTERRUPTED = 130;

const seconds = (sinceMs: number): string => `${((performance.now() - sinceMs) / 1_000).toFixed(1)} s`;
const titleOf = ({ kind }: Instance): string =>
  ({ docker: 'LocalStack (Docker)', host: 'LocalStack (without Docker)', ministack: 'ministack' })[kind];

const up = async (settings: LocalStackSettings, terminal: Terminal, signal: AbortSignal): Promise<number> => {
  const startedMs = performance.now();
  const { instance, isNew } = await startLocalStack({
    ...settings,
    port: settings.port ?? DEFAULT_PORT,
    env: process.env,
    say: terminal.say,
    signal,
  });
  const how = isNew ? `is up after ${seconds(startedMs)}` : 'is already up';
  terminal.say(`${titleOf(instance)} ${how}: ${instance.url}`);
  if (instance.pid !== undefined) terminal.say(`Log: ${logFileOf(instance.runDir)}`);
  return 0;
};

/** The ones that are meant: of the port that was named, else all. */
const chosen = async ({ dir, port }: LocalStackSettings): Promise<readonly Instance[]> => {
  if (port === undefined) return readInstances(dir);
  const instance = await readInstance(dir, port);
  return instance === undefined ? [] : [instance];
};

const down = async (settings: LocalStackSettings, terminal: Terminal): Promise<number> => {
  const instances = await chosen(settings);
  if (instances.length > 1)
    throw new SettingsError(
      `Several are up: ${instances.map(({ url }) => url).join(', ')}. Say which one is meant with --port.`,
    );
  const [instance] = instances;
  if (instance === undefined) {
    terminal.say('Nothing is up.');
    return 0;
  }
  const startedMs = performance.now();
  await stopInstance(instance, process.env);
  terminal.say(`${titleOf(instance)} at ${instance.url} is down after ${seconds(startedMs)}.`);
  return 0;
};

const show = async (instance: Instance, terminal: Terminal): Promise<boolean> => {
  const [alive, health] = [await isUp(instance), await healthOf(instance.url)];
  const processes = processesOf(instance);
  const functions = processes.filter(({ command }) => /bootstrap\.ts|_worker\.js/.test(command)).length;
  const megabytes = Math.round(processes.reduce((sum, { residentKb }) => sum + residentKb, 0) / 1_024);
  const state = alive
    ? health === undefined
      ? 'starting, or does not answer'
      : 'up'
    : 'ended by itself; down tidies up';
  terminal.say(`${titleOf(instance)} at ${instance.url}: ${state}`);
  terminal.table([
    ['version', health?.version ?? '-'],
    ['since', new Date(instance.startedAtMs).toISOString()],
    ['services used', health?.running.join(', ') || 'none'],
    ...(instance.pid === undefined
      ? []
      : [
          ['process', String(instance.pid)],
          ['processes', `${processes.length} (${functions} of functions), ${megabytes} MB`],
          ['log', logFileOf(instance.runDir)],
        ]),
  ]);
  return alive && health !== undefined;
};

const status = async (settings: LocalStackSettings, terminal: Terminal): Promise<number> => {
  const instances = await chosen(settings);
  if (instances.length === 0) terminal.say('Nothing is up.');
  let someUp = false;
  for (const instance of instances) someUp = (await show(instance, terminal)) || someUp;
  return someUp ? 0 : 1;
};

const main = async (signal: AbortSignal): Promise<number> => {
  const terminal = openTerminal(process.stdout, process.env);
  const settings = readLocalStackSettings(process.argv.slice(2), process.env);
  if (settings === 'help') {
    terminal.say(LOCALSTACK_USAGE);
    return 0;
  }
  switch (settings.command) {
    case 'up':
      return up(settings, terminal, signal);
    case 'down':
      return down(settings, terminal);
    case 'status':
      return status(settings, terminal);
  }
};

const ending = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => ending.abort());
try {
  process.exitCode = await main(ending.signal);
} catch (error) {
  process.stderr.write(
    `\n${ending.signal.aborted ? 'Interrupted.' : error instanceof Error ? error.message : String(error)}\n`,
  );
  process.exitCode = ending.signal.aborted ? INTERRUPTED : 1;
}

import { claimPort } from '../free-port.ts';
import { SettingsError } from '../stack-settings.ts';
import { startDocker, stopDocker } from './docker.ts';
import { endInstance, healthOf, isUp, readInstance, removeInstance, urlOf, type Instance } from './instance.ts';
import { startHost, startMinistack, type StartOptions } from './kinds.ts';
import { untilHealthy } from './launch.ts';
import type { Kind } from './settings.ts';
import { findDocker, toolSources } from './tools.ts';

const START: Readonly<Record<Kind, (options: StartOptions) => Promise<Instance>>> = {
  docker: startDocker,
  host: startHost,
  ministack: startMinistack,
};

export interface LocalStackOptions extends StartOptions {
  /** Docker where an engine answers, else the host, when undefined. */
  readonly kind?: Kind;
}

export interface LocalStack {
  readonly instance: Instance;
  readonly url: string;
  /** False: it was up before. */
  readonly isNew: boolean;
  /** Ends it, whoever started it. */
  stop(): Promise<void>;
}

/** Ends it with all that it started, and waits until that is gone. Does no harm to one that has ended. */
export const stopInstance = async (instance: Instance, env: NodeJS.ProcessEnv): Promise<void> => {
  if (instance.kind !== 'docker') return endInstance(instance);
  await stopDocker(instance.port, env);
  await removeInstance(instance.runDir);
};

const chosenKind = async ({ kind, env, say, signal }: LocalStackOptions): Promise<Kind> => {
  if (kind !== undefined && kind !== 'docker') return kind;
  const { missing } = await findDocker(toolSources(env, signal));
  if (missing === undefined) return 'docker';
  if (kind === 'docker') throw new SettingsError(`Expected a Docker engine for --docker, but ${missing}.`);
  say(`Without Docker: ${missing}.`);
  return 'host';
};

const claim = async (port: number): Promise<void> => {
  try {
    await claimPort(port, '--port');
  } catch (error) {
    const health = await healthOf(urlOf(port));
    if (health === undefined) throw error;
    throw new SettingsError(
      `Port ${port} (--port) is taken by a LocalStack ${health.version} that this command did not start. ` +
        'Stop it, or choose another port.',
    );
  }
};

/**
 * A LocalStack on that port of 127.0.0.1, which answers: the one that runs there, else a new one, which is installed
 * first if need be. It outlives this process. When this fails or is aborted, nothing is left but logs.
 *
 * @throws {@link SettingsError} when a tool is missing or the port is taken; Error when it does not come up.
 */
export const startLocalStack = async (options: LocalStackOptions): Promise<LocalStack> => {
  const { dir, port, env, say, signal } = options;
  const of = (instance: Instance, isNew: boolean): LocalStack =>
    Object.freeze({ instance, url: instance.url, isNew, stop: () => stopInstance(instance, env) });
  const there = await readInstance(dir, port);
  if (there !== undefined && (await isUp(there))) {
    await untilHealthy(there, signal);
    return of(there, false);
  }
  if (there !== undefined) {
    say(`The one of ${new Date(there.startedAtMs).toISOString()} was not stopped by down; removing what it left.`);
    await stopInstance(there, env);
  }
  await claim(port);
  return of(await START[await chosenKind(options)](options), true);
};

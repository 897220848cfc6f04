import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { SettingsError } from '../stack-settings.ts';
import { runStep } from './run.ts';

const PROBE_LIMIT_MS = 20_000;
const OLDEST_PYTHON = [3, 13] as const;
const OLDEST_JAVA = 17;

/** What the tools are looked for with; a test gives its own. */
export interface ToolSources {
  readonly env: NodeJS.ProcessEnv;
  /** Folders of Pythons that pyenv has. */
  readonly pyenvVersions: () => readonly string[];
  /** What the program says, or undefined when it is not there or does not work. */
  readonly ask: (command: readonly [string, ...string[]]) => Promise<string | undefined>;
}

const pyenvVersions = (env: NodeJS.ProcessEnv): readonly string[] => {
  const root = path.join(env['PYENV_ROOT'] || path.join(homedir(), '.pyenv'), 'versions');
  try {
    return readdirSync(root).map((name) => path.join(root, name));
  } catch {
    return [];
  }
};

export const toolSources = (env: NodeJS.ProcessEnv, signal?: AbortSignal): ToolSources => ({
  env,
  pyenvVersions: () => pyenvVersions(env),
  ask: async (command) => {
    try {
      return await runStep({
        what: command[0],
        command,
        limitMs: PROBE_LIMIT_MS,
        env,
        ...(signal === undefined ? {} : { signal }),
      });
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  },
});

/** `Python 3.13.0` → [3, 13]; `javac 17.0.15` → [17, 0]; `openjdk version "21"` → [21, 0]. */
const versionIn = (text: string): readonly [number, number] | undefined => {
  const [, major, minor = '0'] = /(?:^|[\s"])(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
};

const isAtLeast = (version: readonly [number, number], oldest: readonly [number, number]): boolean =>
  version[0] > oldest[0] || (version[0] === oldest[0] && version[1] >= oldest[1]);

interface Sought {
  readonly name: string;
  readonly candidates: readonly string[];
  readonly versionArgs: readonly string[];
  readonly oldest: readonly [number, number];
  readonly getIt: string;
}

const find = async (sought: Sought, { ask }: ToolSources): Promise<string> => {
  const seen: string[] = [];
  for (const candidate of sought.candidates) {
    const said = await ask([candidate, ...sought.versionArgs]);
    const version = said === undefined ? undefined : versionIn(said);
    if (version !== undefined && isAtLeast(version, sought.oldest)) return candidate;
    if (version !== undefined) seen.push(`${candidate} is ${version.join('.')}`);
  }
  throw new SettingsError(
    `Expected ${sought.name}, got ${seen.length === 0 ? 'none' : seen.join(', ')} ` +
      `(looked for ${sought.candidates.join(', ')}). ${sought.getIt}`,
  );
};

/**
 * A Python that LocalStack and ministack run on: `PYTHON`, one on the PATH, or pyenv's.
 *
 * @throws {@link SettingsError} when there is none: what was found, and how to get one.
 */
export const findPython = (sources: ToolSources): Promise<string> => {
  const given = sources.env['PYTHON'];
  const ofPyenv = sources
    .pyenvVersions()
    .filter((folder) => /^3\.(1[3-9]|[2-9]\d)\./.test(path.basename(folder)))
    .map((folder) => path.join(folder, 'bin/python'));
  return find(
    {
      name: `Python ${OLDEST_PYTHON.join('.')} or newer`,
      candidates: given ? [given] : [...ofPyenv, 'python3.14', 'python3.13', 'python3'],
      versionArgs: ['--version'],
      oldest: OLDEST_PYTHON,
      getIt: 'Install one (python.org, `pyenv install 3.13`, your package manager), or set PYTHON to one.',
    },
    sources,
  );
};

const inJdk = ({ env }: ToolSources, program: string): string =>
  env['JAVA_HOME'] ? path.join(env['JAVA_HOME'], 'bin', program) : program;

/** @throws {@link SettingsError} when there is no Java 17 or newer. */
export const findJava = (sources: ToolSources, program: 'java' | 'javac' = 'java'): Promise<string> =>
  find(
    {
      name: `a JDK ${OLDEST_JAVA} or newer (${program})`,
      candidates: [inJdk(sources, program)],
      versionArgs: ['-version'],
      oldest: [OLDEST_JAVA, 0],
      getIt: 'Install one (`apt-get install openjdk-17-jdk-headless`, adoptium.net), or set JAVA_HOME to one.',
    },
    sources,
  );

/** @throws {@link SettingsError} when there is no Maven. */
export const findMaven = (sources: ToolSources): Promise<string> =>
  find(
    {
      name: 'Maven 3 or newer (mvn)',
      candidates: ['mvn'],
      versionArgs: ['--version'],
      oldest: [3, 0],
      getIt: 'Install it (`apt-get install maven`, maven.apache.org): DynamoDB Local is taken from Maven Central.',
    },
    sources,
  );

/** Whether a Docker engine answers, and why not: a client alone runs nothing. */
export const findDocker = async ({ ask }: ToolSources): Promise<{ readonly missing?: string }> => {
  if ((await ask(['docker', '--version'])) === undefined) return { missing: 'there is no docker on the PATH' };
  if ((await ask(['docker', 'info'])) === undefined) return { missing: 'no Docker engine answers (docker info)' };
  if ((await ask(['docker', 'compose', 'version'])) === undefined) return { missing: 'docker has no compose' };
  return {};
};

/** What LocalStack without Docker needs and this machine has not, in words; undefined when nothing is missing. */
export const missingTool = async (env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string | undefined> => {
  const sources = toolSources(env, signal);
  try {
    await findPython(sources);
    await findJava(sources, 'javac');
    await findMaven(sources);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { isRunning } from '../is-running.ts';
import { runStep, type Step } from './run.ts';
import { findJava, findMaven, findPython, toolSources, type ToolSources } from './tools.ts';

export const HOST_SOURCES = path.resolve(import.meta.dirname, '../host');
/** The last open-source release. */
const LOCALSTACK = 'localstack-core[runtime]==2026.3.0';
const MINISTACK = 'ministack==1.5.33';

/** Beside the folder that is built: kept, so that an install that was interrupted need not begin anew. */
const DOWNLOADS = '../downloads';

const MINUTE_MS = 60_000;
const VENV_LIMIT_MS = 2 * MINUTE_MS;
const PIP_LIMIT_MS = 20 * MINUTE_MS;
const MAVEN_LIMIT_MS = 5 * MINUTE_MS;
const JAVAC_LIMIT_MS = 2 * MINUTE_MS;

export interface InstallOptions {
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  /** Takes a line for each thing that is being done. */
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

type RunStep = (what: string, command: Step['command'], limitMs: number) => Promise<void>;

interface Installation {
  /** Changes when what is installed does. */
  readonly name: string;
  readonly build: (folder: string, run: RunStep, tools: ToolSources) => Promise<void>;
}

const pythonOf = (folder: string): string => path.join(folder, 'venv/bin/python');

const installPackages = async (folder: string, python: string, packages: readonly string[], run: RunStep) => {
  await run(`${python} -m venv`, [python, '-m', 'venv', path.join(folder, 'venv')], VENV_LIMIT_MS);
  const cache = `--cache-dir=${path.join(folder, DOWNLOADS, 'pip')}`;
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', cache];
  await run(`pip install ${packages.join(' ')}`, [pythonOf(folder), ...pip, ...packages], PIP_LIMIT_MS);
};

/** DynamoDB Local, from Maven Central, with the class that keeps it on 127.0.0.1. */
const buildDynamoDb = async (folder: string, run: RunStep, tools: ToolSources): Promise<void> => {
  const [maven, javac] = [await findMaven(tools), await findJava(tools, 'javac')];
  const jars = path.join(folder, 'dynamodb');
  await run(
    'mvn dependency:copy-dependencies (DynamoDB Local)',
    [
      maven,
      '--batch-mode',
      '--quiet',
      `--file=${path.join(HOST_SOURCES, 'pom.xml')}`,
      // Names without versions, which is what the loader of its native library looks for.
      '-Dmdep.stripVersion=true',
      `-Dmaven.repo.local=${path.join(folder, DOWNLOADS, 'maven')}`,
      `-DoutputDirectory=${jars}`,
      'dependency:copy-dependencies',
    ],
    MAVEN_LIMIT_MS,
  );
  const source = path.join(HOST_SOURCES, 'LoopbackDynamoDb.java');
  await run('javac', [javac, '--release', '17', '-cp', `${jars}/*`, '-d', jars, source], JAVAC_LIMIT_MS);
};

const localStackInstallation = async (): Promise<Installation> => {
  const constraints = path.join(HOST_SOURCES, 'constraints.txt');
  const inputs = await Promise.all(
    ['constraints.txt', 'pom.xml', 'LoopbackDynamoDb.java'].map((file) => readFile(path.join(HOST_SOURCES, file))),
  );
  const hash = createHash('sha256').update(LOCALSTACK);
  for (const input of inputs) hash.update(input);
  return {
    name: `localstack-${hash.digest('hex').slice(0, 12)}`,
    build: async (folder, run, tools) => {
      // Asked for first: what is missing is said before a minute has passed.
      const [python] = [await findPython(tools), await findMaven(tools), await findJava(tools, 'javac')];
      const packages = [LOCALSTACK, `--constraint=${constraints}`];
      await Promise.all([installPackages(folder, python, packages, run), buildDynamoDb(folder, run, tools)]);
    },
  };
};

const ministackInstallation = (): Installation => ({
  name: MINISTACK.replace('==', '-'),
  build: async (folder, run, tools) => installPackages(folder, await findPython(tools), [MINISTACK], run),
});

const PARTIAL = /\.partial-(\d+)$/;

/** What killed installs left behind. */
const removePartial = async (dir: string): Promise<void> => {
  for (const name of await readdir(dir)) {
    const pid = Number(PARTIAL.exec(name)?.[1]);
    if (pid > 0 && !isRunning(pid)) await rm(path.join(dir, name), { recursive: true, force: true });
  }
};

/**
 * Installs what is not there yet. Built aside and then renamed: a folder of that name is whole, whenever this process
 * or another one that installs the same was killed.
 */
const install = async (installation: Installation, options: InstallOptions): Promise<string> => {
  const { dir, env, say, signal } = options;
  const folder = path.join(dir, installation.name);
  if (existsSync(folder)) return folder;
  const partial = `${folder}.partial-${process.pid}`;
  await mkdir(dir, { recursive: true });
  await removePartial(dir);
  await mkdir(partial);
  const logFile = path.join(dir, 'install.log');
  const stop = signal === undefined ? {} : { signal };
  try {
    say(`Installing ${installation.name} in ${dir}, once. Log: ${logFile}`);
    const run: RunStep = async (what, command, limitMs) => {
      const startedMs = performance.now();
      await runStep({ what, command, limitMs, env, logFile, ...stop });
      say(`  ${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(3)} s  ${what}`);
    };
    await installation.build(partial, run, toolSources(env, signal));
    // Fails when another process was as fast; its folder is as good.
    await rename(partial, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
    return folder;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
};

/** Where LocalStack's Python is, and DynamoDB Local's jars. */
export const installLocalStack = async (options: InstallOptions) => {
  const folder = await install(await localStackInstallation(), options);
  return { python: pythonOf(folder), dynamoDb: path.join(folder, 'dynamodb') };
};

/** Where ministack's Python is. */
export const installMinistack = async (options: InstallOptions) => ({
  python: pythonOf(await install(ministackInstallation(), options)),
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { platform } from 'node:process';
import { awsTable } from '#primitives/aws/table';
import type { Clock } from '#primitives/clock';
import { configStore } from '#single-node/sidecar/config-sync/config-store';
import { configSync } from '#single-node/sidecar/config-sync/config-sync';
import { tableConfigSource } from '#single-node/sidecar/config-sync/sources';
import { systemGit } from '#single-node/sidecar/git-sync/git';
import { gitSync } from '#single-node/sidecar/git-sync/git-sync';
import { launcher } from '#single-node/sidecar/git-sync/launcher';
import { gitRepository } from '#single-node/sidecar/git-sync/repository';
import { nodeFiles } from '#single-node/sidecar/node-files';
import { processSource } from '#single-node/sidecar/topz/process-source';
import { topz, type Topz } from '#single-node/sidecar/topz/topz';
import { usageSource } from '#single-node/sidecar/topz/usage-source';
import { pathOf, programOnPath } from '../../shell/program-on-path.ts';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { PROGRAM_FILE, programSource } from './bundled-source.ts';
import type { SidecarParts } from './handlers.ts';
import { initialConfig, PROGRAM_CONFIG, validateConfig } from './program-config.ts';

/** Of the service's folder locally, of the function's package on AWS: both are where functions start. */
const BUNDLED_PROGRAM = `functions/single-node/sidecar/${PROGRAM_FILE}`;
const FOLDER = 'sidecar-program-';
const MIB = 1_048_576;

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/**
 * Removes the folder a moment after this instance has ended, however it ended: a worker thread that is ended, or a
 * process that is killed, runs nothing of its own any more. Its standard input ends then.
 */
const removeAfterUs = (folder: string): void => {
  const script = 'cat >/dev/null; sleep 1; rm -rf -- "$1"';
  const cleaner = spawn('/bin/sh', ['-c', script, 'cleaner', folder], {
    cwd: '/',
    detached: true,
    env: { PATH: pathOf({}) },
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Where there is no shell, the next instance on this machine removes it.
  cleaner.on('error', () => undefined);
  cleaner.stdin.on('error', () => undefined);
  cleaner.unref();
};

/** A folder of this instance of the function; those of processes that are no more, and left theirs, are removed. */
const ownFolder = (): string => {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = new RegExp(`^${FOLDER}(\\d+)-`).exec(name) ?? [];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
  const folder = mkdtempSync(join(tmpdir(), `${FOLDER}${process.pid}-`));
  removeAfterUs(folder);
  return folder;
};

const repositoryOf = (env: Environment, folder: string) => {
  const { SIDECAR_REPOSITORY: repository = '', SIDECAR_BRANCH: branch = 'main' } = env;
  if (repository === '') {
    const reason = 'No repository is declared here: set SIDECAR_REPOSITORY and start again.';
    return { source: undefined, state: { declared: false, status: 409, reason } as const };
  }
  const program = programOnPath(env, 'git');
  if (program === undefined) {
    const reason = 'There is no git where this function runs.';
    return { source: undefined, state: { declared: false, status: 503, reason } as const };
  }
  const source = gitRepository({
    git: systemGit({ program, path: pathOf(env), timeoutMs: 10_000 }),
    files: nodeFiles(),
    repository,
    // The template declares it: what is a path there may be fetched from.
    localPaths: [repository],
    branch,
    mirror: join(folder, 'mirror.git'),
    maxFiles: 500,
    maxBytes: 8 * MIB,
    maxMirrorBytes: 64 * MIB,
  });
  return { source, state: { declared: true } as const };
};

/** Asks about one program at a time; a version that took the place of another is another program. */
const programUsage = (clock: Clock): SidecarParts['programUsage'] => {
  let asked: { readonly pid: number; readonly usage: Topz } | undefined;
  return async (pid) => {
    if (asked?.pid !== pid) asked = { pid, usage: topz({ source: usageSource({ pid, platform }), clock }) };
    return asked.usage.read();
  };
};

/** The program, its configuration and its versions. */
export const wireSidecars = (env: Environment) => {
  const { clock, random, log } = shellServices(env);
  const table = awsTable({ name: variable(env, 'CONFIG_TABLE') });
  const intervalMs = integerVariable(env, 'SYNC_INTERVAL_MS', 10_000);
  const files = nodeFiles();
  const folder = ownFolder();
  const settings = join(folder, 'settings.json');
  const repository = repositoryOf(env, folder);
  const source = programSource({ file: resolve(BUNDLED_PROGRAM), files, repository: repository.source });
  const shared = { files, clock, random, intervalMs, looks: 'calls' } as const;

  const config = configSync({
    ...shared,
    source: tableConfigSource({ table, name: PROGRAM_CONFIG }),
    file: settings,
    validate: validateConfig,
    initial: initialConfig,
    readMs: 3_000,
    waitMs: 1_000,
    log: log.child({ sidecar: 'config-sync' }),
  });
  const versions = gitSync({
    ...shared,
    source,
    launch: launcher({
      command: process.execPath,
      args: [PROGRAM_FILE],
      environment: { SETTINGS: settings },
      healthPath: '/health',
      healthyCount: 3,
      startMs: 10_000,
      stopMs: 2_000,
      clock,
    }),
    root: folder,
    keepCount: 3,
    maxEnds: 3,
    endsWithinMs: 60_000,
    drainMs: 5_000,
    waitMs: 500,
    log: log.child({ sidecar: 'git-sync' }),
  });
  const parts: SidecarParts = {
    store: configStore({ table }),
    config,
    versions,
    repository: repository.state,
    nameOf: source.nameOf,
    usage: topz({ source: processSource({ clock }), clock }),
    programUsage: programUsage(clock),
    clock,
  };
  return { parts, clock, log };
};

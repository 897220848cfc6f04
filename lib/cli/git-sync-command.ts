import { isAbsolute, join, resolve } from 'node:path';
import { InvalidArgumentError } from '#primitives/errors';
import { gitFront } from '#single-node/sidecar/git-sync/front';
import { systemGit } from '#single-node/sidecar/git-sync/git';
import { gitSync } from '#single-node/sidecar/git-sync/git-sync';
import { launcher } from '#single-node/sidecar/git-sync/launcher';
import { gitRepository } from '#single-node/sidecar/git-sync/repository';
import { nodeFiles } from '#single-node/sidecar/node-files';
import type { OptionValues } from './options.ts';
import type { SidecarCommand, SidecarPlace } from './sidecar-command.ts';

const LONGEST_MS = 600_000;
const MIB = 1_048_576;

const ms = (help: string, byDefault: number) =>
  ({ kind: 'integer', min: 1, max: LONGEST_MS, default: byDefault, help }) as const;

/** What a program needs of the environment to be found and to find its own; anything else is named by --env. */
const environmentOf = (values: OptionValues, env: SidecarPlace['env']): Readonly<Record<string, string>> => {
  const named = values.texts('env').map((text) => {
    const [, name = '', value = ''] = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/.exec(text) ?? [];
    if (name === '')
      throw new InvalidArgumentError(`Expected '--env' to be like NAME=VALUE, got '${text.slice(0, 64)}'.`);
    return [name, value] as const;
  });
  return { ...(env['PATH'] === undefined ? {} : { PATH: env['PATH'] }), ...Object.fromEntries(named) };
};

const sourceOf = (values: OptionValues, env: SidecarPlace['env'], root: string) => {
  const ssh = ['HOME', 'SSH_AUTH_SOCK'].flatMap((name) =>
    env[name] === undefined ? [] : [[name, env[name]] as const],
  );
  const repository = values.text('repository');
  return gitRepository({
    git: systemGit({
      program: values.text('git'),
      path: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
      environment: Object.fromEntries(ssh),
      timeoutMs: values.integer('git-ms'),
    }),
    files: nodeFiles(),
    repository,
    // Whoever types the command declares the path.
    localPaths: isAbsolute(repository) ? [repository] : [],
    branch: values.text('branch'),
    mirror: join(root, 'mirror.git'),
    maxFiles: values.integer('max-files'),
    maxBytes: values.integer('max-bytes'),
    maxMirrorBytes: 10 * values.integer('max-bytes'),
  });
};

/** `sidecar git-sync`: a push to a repository becomes the running version. */
export const gitSyncCommand: SidecarCommand = {
  summary: 'a push to a repository becomes the running version of a program',
  help: `
Fetches the branch again and again with the system's git. A new commit is written into a folder of its own, started
there (with PORT and HOST set), asked for its health, and then gets the requests that come to --port; the version before
answers what it has and is stopped. A version with links or submodules, one that does not start or is not healthy is
refused, remembered, and changes nothing. Nothing of a repository runs but COMMAND: no hooks, no filters.

  distributed-patterns sidecar git-sync --repository https://git.example.com/shop --root /var/lib/shop \\
    --port 8080 --command node --arg server.js --health-path /health`,
  options: {
    repository: { kind: 'text', value: 'ADDRESS', help: 'http, https or ssh address, or an absolute path' },
    branch: { kind: 'text', value: 'NAME', default: 'main', help: 'the branch to follow' },
    root: { kind: 'text', value: 'FOLDER', help: 'where the versions are kept' },
    command: { kind: 'text', value: 'PROGRAM', help: "started in the version's folder" },
    arg: { kind: 'text', value: 'TEXT', many: true, help: 'an argument of it' },
    env: { kind: 'text', value: 'NAME=VALUE', many: true, help: 'of its environment, which has PATH alone otherwise' },
    port: {
      kind: 'integer',
      min: 0,
      max: 65_535,
      default: 8080,
      help: 'where the program is found; 0 takes a free one',
    },
    'health-path': { kind: 'text', value: 'PATH', default: '/health', help: 'answers 2xx when a version is healthy' },
    'healthy-count': { kind: 'integer', min: 1, max: 100, default: 3, help: 'so many good answers in a row' },
    'healthy-ms': ms('how long a version may take to be healthy', 30_000),
    'interval-ms': { kind: 'integer', min: 10, max: 86_400_000, default: 10_000, help: 'between two looks' },
    'wait-ms': ms('how long the start waits for the first look', 8_000),
    keep: { kind: 'integer', min: 2, max: 100, default: 3, help: 'how many good versions stay on the disk' },
    'max-ends': {
      kind: 'integer',
      min: 0,
      max: 100,
      default: 3,
      help: 'a version that ended by itself is started again so often',
    },
    'ends-within-ms': { kind: 'integer', min: 1, max: 86_400_000, default: 60_000, help: 'within this time' },
    'drain-ms': ms('how long a replaced version may answer what it has', 30_000),
    'stop-program-ms': ms('after SIGTERM, before it is killed', 5_000),
    'answer-ms': ms('how long the program may be silent', 60_000),
    'max-body-bytes': { kind: 'integer', min: 0, max: 2 ** 40, default: 10_485_760, help: 'of a request' },
    'max-files': { kind: 'integer', min: 1, max: 100_000, default: 5_000, help: 'of a version' },
    'max-bytes': { kind: 'integer', min: 1, max: 1_024 * MIB, default: 64 * MIB, help: 'of a version' },
    git: { kind: 'text', value: 'PROGRAM', default: 'git', help: 'the git to use' },
    'git-ms': ms('for each call of it', 60_000),
  },
  make: (values, { clock, random, env, log }) => {
    const root = resolve(values.text('root'));
    const versions = gitSync({
      source: sourceOf(values, env, root),
      launch: launcher({
        command: values.text('command'),
        args: values.texts('arg'),
        environment: environmentOf(values, env),
        healthPath: values.text('health-path'),
        healthyCount: values.integer('healthy-count'),
        startMs: values.integer('healthy-ms'),
        stopMs: values.integer('stop-program-ms'),
        clock,
        onOutput: (text) => log.debug('the program printed', { text: text.slice(0, 1_000) }),
      }),
      root,
      keepCount: values.integer('keep'),
      maxEnds: values.integer('max-ends'),
      endsWithinMs: values.integer('ends-within-ms'),
      drainMs: values.integer('drain-ms'),
      intervalMs: values.integer('interval-ms'),
      waitMs: values.integer('wait-ms'),
      looks: 'interval',
      files: nodeFiles(),
      clock,
      random,
      log,
    });
    return gitFront({
      versions,
      port: values.integer('port'),
      answerMs: values.integer('answer-ms'),
      maxBodyBytes: values.integer('max-body-bytes'),
    });
  },
};

import path from 'node:path';
import { runDirOf, urlOf, writeInstance, type Instance } from './instance.ts';
import type { StartOptions } from './kinds.ts';
import { emptyRunDir, untilHealthy } from './launch.ts';
import { runStep } from './run.ts';

const COMPOSE_FILE = path.resolve(import.meta.dirname, '../docker-compose.yml');
/** The image has some 500 MB. */
const UP_LIMIT_MS = 15 * 60_000;
const DOWN_LIMIT_MS = 60_000;

const compose = (port: number, ...args: readonly string[]): readonly [string, ...string[]] => [
  'docker',
  'compose',
  `--file=${COMPOSE_FILE}`,
  `--project-name=distributed-patterns-localstack-${port}`,
  ...args,
];

/** LocalStack in Docker, published on 127.0.0.1 only, with functions in containers beside it. */
export const startDocker = async ({ dir, port, env, say, signal }: StartOptions): Promise<Instance> => {
  const runDir = runDirOf(dir, port);
  await emptyRunDir(runDir);
  say('docker compose up; the first time it pulls the image.');
  await runStep({
    what: 'docker compose up',
    command: compose(port, 'up', '--detach', '--wait'),
    limitMs: UP_LIMIT_MS,
    env: { ...env, LOCALSTACK_PORT: String(port) },
    ...(signal === undefined ? {} : { signal }),
  });
  const instance: Instance = { kind: 'docker', port, url: urlOf(port), runDir, startedAtMs: Date.now() };
  await writeInstance(instance);
  await untilHealthy(instance, signal);
  return instance;
};

export const stopDocker = async (port: number, env: NodeJS.ProcessEnv): Promise<void> => {
  await runStep({
    what: 'docker compose down',
    command: compose(port, 'down', '--volumes'),
    limitMs: DOWN_LIMIT_MS,
    env: { ...env, LOCALSTACK_PORT: String(port) },
  });
};

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readDeployment } from '../../localstack/deployed/deployment-file.ts';
import { freePort } from '../../localstack/free-port.ts';
import { readInstance } from '../../localstack/localstack/instance.ts';
import { readLocalStackSettings } from '../../localstack/localstack/settings.ts';
import { missingTool } from '../../localstack/localstack/tools.ts';
import { runLimited } from '../../scripts/run-limited.ts';
import type { Running } from './local-stack.ts';

/** The first `up` of a machine installs. */
const LIMIT_MS = 20 * 60_000;

const npm = async (env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<void> => {
  const command = ['npm', 'run', '--silent', ...args] as const;
  const { end, exitCode, output } = await runLimited({ command, limitMs: LIMIT_MS, env, output: 'keep' });
  if (end !== 'exited' || exitCode !== 0) throw new Error(`npm run ${args.join(' ')}: ${end}, ${exitCode}\n${output}`);
};

/** What LocalStack without Docker needs and this machine has not; undefined when nothing is missing. */
export const missingForLocalStack = (): Promise<string | undefined> =>
  missingTool(process.env, new AbortController().signal);

/** Brings LocalStack up and deploys the service to it, as the README says. */
export const startOnLocalStack = async (): Promise<Running> => {
  const port = await freePort();
  const stackDir = await mkdtemp(path.join(tmpdir(), 'on-localstack-'));
  const { AWS_ENDPOINT_URL: _, ...env } = { ...process.env, STACK_DIR: stackDir };
  const stop = async (): Promise<void> => {
    await npm(env, 'localstack', '--', 'down', '--port', String(port));
    await rm(stackDir, { recursive: true, force: true });
  };
  try {
    await npm(env, 'localstack', '--', 'up', '--host', '--port', String(port));
    await npm({ ...env, AWS_ENDPOINT_URL: `http://127.0.0.1:${port}` }, 'deploy:local');
    const settings = readLocalStackSettings(['status'], process.env);
    const instance = settings === 'help' ? undefined : await readInstance(settings.dir, port);
    const deployment = await readDeployment(stackDir, 'local');
    if (instance?.pid === undefined || deployment === undefined) throw new Error('LocalStack did not come up.');
    return { apiUrl: deployment.apiUrl, pid: instance.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

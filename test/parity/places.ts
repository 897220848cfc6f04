import path from 'node:path';
import { freePort } from '../../localstack/free-port.ts';
import { startHost } from '../localstack/plugin/host.ts';
import { clientsAt } from './clients.ts';
import type { ParityPlace } from './place.ts';

const SERVICE = path.join(import.meta.dirname, 'service');
const DEPLOY_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 20_000;
const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' };

interface Running {
  readonly endpointUrl: string;
  readonly stop: () => Promise<void>;
}

const late = (what: string, timeoutMs: number): Promise<never> =>
  new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`${what} did not happen within ${timeoutMs / 1_000} s`)), timeoutMs).unref();
  });

/** `serverless offline start`, which brings the primitives of the embedded place with it. */
const startEmbedded = async (): Promise<Running> => {
  const awsPort = await freePort();
  const host = startHost({
    cwd: SERVICE,
    environment: {
      ...CREDENTIALS,
      AWS_PORT: String(awsPort),
      // Minutes otherwise, as on AWS.
      ASYNC_RETRY_DELAY_S: '1',
    },
  });
  const stop = async (): Promise<void> => {
    host.disconnect();
    const timer = setTimeout(() => host.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await host.exited;
    clearTimeout(timer);
  };
  const reported = await host.reported;
  if (reported?.['type'] === 'ready') return { endpointUrl: `http://127.0.0.1:${awsPort}`, stop };
  if (reported !== undefined) await stop();
  throw new Error(`The probes did not start:\n${host.output()}`);
};

/** `serverless deploy` to an endpoint that is up already. What was deployed stays: the next run updates it. */
const deployTo = async (endpointUrl: string): Promise<Running> => {
  const deploy = startHost({
    cwd: SERVICE,
    args: ['deploy', '--stage', 'local'],
    environment: { ...CREDENTIALS, AWS_ENDPOINT_URL: endpointUrl },
    isSupervised: false,
  });
  const code = await Promise.race([deploy.exited, late('The deployment of the probes', DEPLOY_TIMEOUT_MS)]);
  if (code !== 0) throw new Error(`The deployment of the probes ended with ${code}:\n${deploy.output()}`);
  return { endpointUrl, stop: async () => undefined };
};

/**
 * The place that PARITY_PLACE names, with the probes in it: `embedded`, which is started, or any other name for what
 * is up at PARITY_ENDPOINT.
 *
 * @throws an Error when the probes cannot be deployed; it says what the framework said.
 */
export const openPlace = async (environment: NodeJS.ProcessEnv): Promise<ParityPlace> => {
  const name = environment['PARITY_PLACE'] ?? 'embedded';
  const endpoint = environment['PARITY_ENDPOINT'];
  if (name !== 'embedded' && endpoint === undefined)
    throw new Error(`Expected PARITY_ENDPOINT to be the address of ${name}, got nothing.`);
  const running = endpoint === undefined ? await startEmbedded() : await deployTo(endpoint);
  const clients = await clientsAt(running.endpointUrl);
  return Object.freeze({
    ...clients,
    name,
    close: async () => {
      clients.destroy();
      await running.stop();
    },
  });
};

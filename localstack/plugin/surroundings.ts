import { claimPort, freePort } from '../free-port.ts';
import { readStackSettings } from '../stack-settings.ts';
import { startCompanion, type Companion } from './companion.ts';
import { StackError } from './errors.ts';

/** What the host is started by, and where its primitives are. */
export interface Surroundings {
  readonly awsEndpointUrl: string;
  readonly adminToken: string;
  /** Absent when a supervisor, or whoever set AWS_ENDPOINT_URL, looks after the primitives. */
  readonly companion?: Companion;
}

/** True when a supervisor started this process: it has the other end of the IPC channel. */
const isSupervised = (): boolean => process.send !== undefined;

/** Sends to the supervisor; resolves when the message is out, so that the process may exit. Nothing without one. */
export const reportToSupervisor = (message: object): Promise<void> =>
  new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve();
    else process.send(message, undefined, {}, () => resolve());
  });

/** Without its supervisor a host would go on for ever, unseen: it ends with it. */
export const exitWithSupervisor = (): void => {
  if (!isSupervised()) return;
  if (!process.connected) process.exit(0);
  process.once('disconnect', () => process.exit(0));
};

/**
 * The primitives at AWS_ENDPOINT_URL; without one, those of a companion, which is started.
 *
 * @throws an error for an address that is not on this machine, for a missing ADMIN_TOKEN, or what the companion says.
 */
export const findPrimitives = async (environment: NodeJS.ProcessEnv, companionFile: string): Promise<Surroundings> => {
  const { upstream } = readStackSettings([], environment);
  if (upstream === undefined) {
    const companion = await startCompanion(companionFile);
    const { awsEndpointUrl, adminToken } = companion;
    return { awsEndpointUrl, adminToken, companion };
  }
  const adminToken = environment['ADMIN_TOKEN'];
  if (!adminToken)
    throw new StackError(
      `Expected ADMIN_TOKEN to be the token of the stack at AWS_ENDPOINT_URL (${upstream}), got none: it is in the stack's ` +
        'stack.json. Or unset AWS_ENDPOINT_URL, and the primitives are started with the functions; or use npm start.',
    );
  return { awsEndpointUrl: upstream, adminToken };
};

/** What was given on the command line; `undefined` for what was not. */
interface GivenPorts {
  readonly httpPort?: string | undefined;
  readonly lambdaPort?: string | undefined;
}

export interface HostPorts {
  readonly httpPort: number;
  readonly lambdaPort: number;
}

/**
 * The ports of the host: given ones, else free ones under a supervisor, whose front has the known one; else PORT and
 * LAMBDA_PORT.
 *
 * @throws an error that names a port that is taken, and its variable.
 */
export const hostPorts = async (given: GivenPorts, environment: NodeJS.ProcessEnv): Promise<HostPorts> => {
  const settings = readStackSettings([], environment);
  const choose = (flag: string | undefined, variable: string, usual: number): Promise<number> => {
    if (flag !== undefined) return claimPort(Number(flag), variable);
    return isSupervised() ? freePort() : claimPort(usual, variable);
  };
  return {
    httpPort: await choose(given.httpPort, 'PORT', settings.httpPort),
    lambdaPort: await choose(given.lambdaPort, 'LAMBDA_PORT', settings.lambdaPort),
  };
};

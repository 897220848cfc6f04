import { spawn } from 'node:child_process';
import { StackError } from './errors.ts';
import { asText } from './resources/type.ts';
import { isObject } from './template.ts';

/** The process with the primitives of a host that nobody supervises. */
export interface Companion {
  readonly awsEndpointUrl: string;
  readonly adminToken: string;
  /** Tells the companion that the functions can be called, and where. */
  report(message: object): void;
  /** Resolves with the reason when it ended. Pending while it runs. */
  readonly ended: Promise<StackError>;
}

const START_TIMEOUT_MS = 60_000;

/**
 * Starts the companion: a Node script that sends `{type: 'endpoint', url, adminToken}` when the primitives answer, or
 * `{type: 'failed', message}`. It exits when its IPC channel closes, so it ends with this process, however that ends.
 *
 * @throws {@link StackError} when it fails, ends, or says nothing for 60 s.
 */
export const startCompanion = async (file: string): Promise<Companion> => {
  const child = spawn(process.execPath, [file], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A Ctrl-C in the terminal is for this process; the closed channel then ends the companion.
    detached: true,
  });
  const ended = new Promise<StackError>((resolve) => {
    child.once('exit', (code, signal) =>
      resolve(new StackError(`The process with the primitives (${file}) ended: ${signal ?? `exit code ${code}`}.`)),
    );
    child.once('error', (error) => resolve(new StackError(`Could not start ${file}: ${error.message}`)));
  });
  const answer = Promise.withResolvers<Omit<Companion, 'report' | 'ended'>>();
  const timer = setTimeout(
    () =>
      answer.reject(new StackError(`${file} gave no address of the primitives within ${START_TIMEOUT_MS / 1000} s.`)),
    START_TIMEOUT_MS,
  );
  child.on('message', (message) => {
    if (!isObject(message)) return;
    const { type, url, adminToken } = message;
    if (type === 'failed') answer.reject(new StackError(asText(message['message'] ?? 'The primitives failed.')));
    if (type === 'endpoint' && typeof url === 'string' && typeof adminToken === 'string')
      answer.resolve({ awsEndpointUrl: url, adminToken });
  });
  void ended.then((reason) => answer.reject(reason));
  try {
    const { awsEndpointUrl, adminToken } = await answer.promise;
    const report = (message: object): void => void child.send(message);
    return Object.freeze({ awsEndpointUrl, adminToken, report, ended });
  } catch (error) {
    if (child.connected) child.disconnect();
    throw error;
  } finally {
    clearTimeout(timer);
  }
};

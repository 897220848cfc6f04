import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { SettingsError } from './stack-settings.ts';

/** `fetch` refuses to talk to some well-known ports; all of them are below this. */
const LOWEST_PORT = 10_081;
/** From 32 768 on the system gives ports to connections that go out: one that is free now may be taken in a moment. */
const HIGHEST_PORT = 32_767;
const MAX_TRIES = 50;

const tryPort = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      const taken = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => resolve(taken));
    });
  });

/** A port of 127.0.0.1 that was free a moment ago, drawn by chance, where nobody else is likely to take it. */
export const freePort = async (): Promise<number> => {
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const port = randomInt(LOWEST_PORT, HIGHEST_PORT + 1);
    const taken = await tryPort(port).catch(() => undefined);
    if (taken !== undefined) return taken;
  }
  throw new Error(`Found no free port from ${LOWEST_PORT} to ${HIGHEST_PORT} in ${MAX_TRIES} tries.`);
};

/**
 * The port that was asked for, when it is free; a free one for 0.
 *
 * @throws {@link SettingsError} when it is taken: names the port and the variable.
 */
export const claimPort = async (port: number, variable: string): Promise<number> => {
  if (port === 0) return freePort();
  try {
    return await tryPort(port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new SettingsError(
      `Port ${port} (${variable}) is not free (${code}). Stop what listens there, or choose another: ${variable}=0 picks a free one.`,
    );
  }
};

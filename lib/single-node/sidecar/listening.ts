import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { isIPv4, type AddressInfo } from 'node:net';

type Server = HttpServer | HttpsServer;

export interface ListenAt {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
}

/** An address of this machine, which no other can reach. As text: what a resolver makes of a name is not asked. */
export const isLoopback = (host: string): boolean => host === '::1' || (isIPv4(host) && host.startsWith('127.'));

/** Listens, and gives the address as `host:port`. When it rejects, or was aborted, nothing is open. */
export const listenAt = async (server: Server, { host, port }: ListenAt, signal: AbortSignal): Promise<string> => {
  signal.throwIfAborted();
  server.listen({ host, port, exclusive: true });
  try {
    await once(server, 'listening', { signal });
  } catch (error) {
    server.close();
    throw error;
  }
  const bound = server.address() as AddressInfo;
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
};

/**
 * Accepts no more connections, and resolves when those that are busy have ended. Idle ones are closed at once; all,
 * when `signal` is aborted. A connection whose answer ends later is to be closed by whoever answers.
 */
export const closeServer = async (server: Server, signal: AbortSignal): Promise<void> => {
  const closed = once(server, 'close');
  server.close();
  const cut = (): void => server.closeAllConnections();
  if (signal.aborted) cut();
  signal.addEventListener('abort', cut, { once: true });
  await closed;
  signal.removeEventListener('abort', cut);
};

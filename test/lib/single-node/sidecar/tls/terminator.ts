import { once } from 'node:events';
import { createServer as createPlainServer, type RequestListener, type Server } from 'node:http';
import { request as httpsRequest, type Agent } from 'node:https';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tlsSidecar, type TlsLimits } from '#single-node/sidecar/tls/tls-sidecar';
import type { Sidecar } from '#single-node/sidecar/sidecar';
import { sidecarPlace } from '../../../../support/sidecar-place.ts';
import { pairFolder, pairFor } from './pairs.ts';

export const limits: TlsLimits = {
  handshakeMs: 5_000,
  headersMs: 5_000,
  requestMs: 10_000,
  keepAliveMs: 30_000,
  answerMs: 10_000,
  maxConnections: 100,
  maxHeaderBytes: 16_384,
  maxBodyBytes: 10_000,
};

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A request whose server certificate is not looked at: the tests look at it themselves. */
export const get = (
  port: number,
  path = '/',
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
    readonly agent?: Agent;
    /** Called when the head of the answer is there. */
    readonly begun?: () => void;
  } = {},
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body, agent, begun } = options;
    const outgoing = httpsRequest(
      { host: '127.0.0.1', port, path, method, headers, agent: agent ?? false, rejectUnauthorized: false },
      (answer) => {
        begun?.();
        let text = '';
        answer.setEncoding('latin1').on('data', (part: string) => {
          text += part;
        });
        answer.once('error', reject);
        answer.once('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }));
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });

/** A TLS connection, after the handshake. */
export const dial = async (port: number, options: object = {}): Promise<TLSSocket> => {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
};

export const serialAt = async (port: number, servername?: string): Promise<string> => {
  const socket = await dial(port, servername === undefined ? {} : { servername });
  const { serialNumber }: PeerCertificate = socket.getPeerCertificate();
  socket.destroy();
  return serialNumber;
};

/** Sends bytes over TLS and gives what came back until the connection was closed. */
export const exchange = async (port: number, bytes: string | Buffer): Promise<string> => {
  const socket = await dial(port);
  let answer = '';
  socket.on('data', (part: Buffer) => {
    answer += part.toString('latin1');
  });
  socket.on('error', () => socket.destroy());
  const closed = once(socket, 'close');
  socket.write(bytes);
  await closed;
  return answer;
};

/** Where a sidecar that listens says that it does. */
export const portOf = (sidecar: Sidecar): number => Number(/:(\d+)"/.exec(JSON.stringify(sidecar.report?.()))?.[1]);

/** A plain program in this process, a terminator in front of it, and the files of its certificate. */
export const terminator = async (
  program: RequestListener,
  options: { readonly limits?: Partial<TlsLimits>; readonly onProgram?: (server: Server) => void } = {},
) => {
  const server = createPlainServer(program);
  options.onProgram?.(server);
  server.listen({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const files = pairFolder();
  const pair = await pairFor(['localhost', '127.0.0.1']);
  files.write(pair);
  const place = sidecarPlace();
  const sidecar = tlsSidecar({
    certificates: [{ certFile: files.certFile, keyFile: files.keyFile }],
    listen: { host: '127.0.0.1', port: 0 },
    target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    reloadMs: 1_000,
    limits: { ...limits, ...options.limits },
  });
  await sidecar.start?.(place);
  const report = (): { address: string; [name: string]: unknown } =>
    sidecar.report?.() as { address: string; [name: string]: unknown };
  return {
    sidecar,
    place,
    files,
    pair,
    server,
    report,
    port: portOf(sidecar),
    /** Lets the clock of the sidecar reach the next look at the files, and waits until it was taken. */
    reload: async (isDone: () => boolean, maxLooks = 200) => {
      for (let looks = 0; looks < maxLooks && !isDone(); looks += 1) {
        await place.clock.advance(1_000);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    close: async () => {
      place.end();
      await sidecar.stop?.(AbortSignal.abort());
      server.closeAllConnections();
      server.close();
      files.remove();
    },
  };
};

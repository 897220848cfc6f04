import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { checkInteger, checkNames } from '#primitives/checks';
import type { Log } from '#primitives/log';
import { closeServer, listenAt } from '../listening.ts';
import type { Sidecar } from '../sidecar.ts';
import { forwarder } from '../tls/forward.ts';
import type { GitSync } from './git-sync.ts';

export interface GitFrontOptions {
  readonly versions: GitSync;
  /** Where the program is found, whichever version runs: a port of 127.0.0.1; 0 takes a free one. */
  readonly port: number;
  /** How long the program may be silent before the client gets a 504. 1..3_600_000 ms. */
  readonly answerMs: number;
  /** Of a request; beyond it 413. 0..2 ** 40. */
  readonly maxBodyBytes: number;
}

const HOST = '127.0.0.1';
const MAX_CONNECTIONS = 1_000;

const unavailable = (response: ServerResponse): void => {
  const detail = 'No version of the program runs.';
  const body = JSON.stringify({ type: 'about:blank', title: 'Service Unavailable', status: 503, detail });
  response.writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '1', connection: 'close' });
  response.end(body);
};

/** Hands each request to the version that runs, and keeps that version until it was answered. */
const handler = ({ versions, answerMs, maxBodyBytes }: GitFrontOptions, log: Log, isEnding: () => boolean) => {
  const pass = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    await versions.use(async ({ program }) => {
      const target = { host: HOST, port: Number(new URL(program.url).port) };
      const closed = new Promise((resolve) => void response.once('close', resolve));
      forwarder({ target, protocol: 'http', answerMs, maxBodyBytes, log, isEnding, count: () => undefined })(
        incoming,
        response,
      );
      await closed;
    });
  };
  return (incoming: IncomingMessage, response: ServerResponse): void => {
    pass(incoming, response).catch(() => unavailable(response));
  };
};

/**
 * git-sync with one address for the program, whichever version runs: a request goes to the version of its moment, which
 * is stopped only when it was answered, so that a change of versions fails none. HTTP/1.1, no upgrades. 503 while no
 * version runs.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 */
export const gitFront = (options: GitFrontOptions): Sidecar => {
  checkNames(options, ['versions', 'port', 'answerMs', 'maxBodyBytes']);
  checkInteger('port', options.port, 0, 65_535);
  checkInteger('answerMs', options.answerMs, 1, 3_600_000);
  checkInteger('maxBodyBytes', options.maxBodyBytes, 0, 2 ** 40);
  const { versions, port } = options;
  let server: Server | undefined;
  let address: string | null = null;
  let isEnding = false;

  return Object.freeze({
    name: versions.name,
    start: async (context) => {
      isEnding = false;
      const opened = createServer(handler(options, context.log, () => isEnding));
      opened.maxConnections = MAX_CONNECTIONS;
      opened.on('request', (_, response) => {
        response.once('close', () => {
          if (isEnding) setImmediate(() => opened.closeIdleConnections());
        });
      });
      const bound = await listenAt(opened, { host: HOST, port }, context.signal);
      try {
        await versions.start?.(context);
      } catch (error) {
        opened.close();
        throw error;
      }
      server = opened;
      address = `http://${bound}`;
    },
    stop: async (signal) => {
      isEnding = true;
      if (server !== undefined) await closeServer(server, signal);
      await versions.stop?.(signal);
    },
    report: () => ({ address, versions: versions.report() }),
  } satisfies Sidecar);
};

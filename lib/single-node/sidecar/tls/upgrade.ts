import { request, STATUS_CODES, type IncomingMessage } from 'node:http';
import { pipeline, type Duplex } from 'node:stream';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { answerHeaders, forwardedHeaders, type RawHeaders } from './headers.ts';

export interface UpgradeOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** How long a connection may be silent in both directions. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly count: (what: 'upgrades' | 'badGateway') => void;
}

export interface Upgrader {
  open(incoming: IncomingMessage, client: Duplex, head: Buffer): void;
  /** Closes all connections that were upgraded: they do not end by themselves. */
  close(): void;
}

/** Other protocols need not be spoken: a request for them is answered as if they had not been asked for. */
export const isWebSocket = ({ headers }: IncomingMessage): boolean => headers.upgrade?.toLowerCase() === 'websocket';

const headText = (status: number, headers: RawHeaders): string => {
  const lines = headers.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${headers[at + 1]}`] : []));
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`, ...lines, '', ''].join('\r\n');
};

const BAD_GATEWAY = headText(502, ['Connection', 'close', 'Content-Length', '0', 'Retry-After', '1']);

/** Ends a pair of sockets through which nothing has gone for a while. */
const closeWhenIdle = async (
  client: Duplex,
  bytes: () => number,
  { clock, idleMs }: UpgradeOptions,
  closed: AbortSignal,
): Promise<void> => {
  while (!closed.aborted) {
    const before = bytes();
    await clock.sleep(idleMs, closed).catch(() => undefined);
    if (bytes() === before) client.destroy();
  }
};

/** Hands connections that are to become WebSockets to the program, and passes both directions on as they are. */
export const upgrader = (options: UpgradeOptions): Upgrader => {
  const { target, idleMs, log, count } = options;
  const clients = new Set<Duplex>();

  const join = (client: Duplex, program: Duplex & { readonly bytesRead?: number; readonly bytesWritten?: number }) => {
    const closed = new AbortController();
    const bytes = (): number => (program.bytesRead ?? 0) + (program.bytesWritten ?? 0);
    void closeWhenIdle(client, bytes, options, closed.signal);
    client.pipe(program).pipe(client);
    client.once('close', () => {
      closed.abort();
      program.destroy();
    });
    // What the program said last is still on its way to the client.
    program.once('close', () => client.end(() => client.destroy()));
  };

  const open = (incoming: IncomingMessage, client: Duplex, head: Buffer): void => {
    count('upgrades');
    clients.add(client);
    client.once('close', () => clients.delete(client));
    client.on('error', () => client.destroy());
    const address = incoming.socket.remoteAddress ?? 'unknown';
    const outgoing = request({
      ...target,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: [
        ...forwardedHeaders(incoming.rawHeaders, { address, host: incoming.headers.host }),
        'Connection',
        'Upgrade',
        'Upgrade',
        'websocket',
      ],
      agent: false,
      timeout: idleMs,
      setHost: false,
    });
    client.once('close', () => outgoing.destroy());
    outgoing.once('timeout', () => outgoing.destroy(new Error('silent for too long')));
    outgoing.on('error', (error) => {
      if (client.destroyed) return;
      count('badGateway');
      log.warn('the program did not answer', { error: error.message });
      client.end(BAD_GATEWAY);
    });
    outgoing.once('upgrade', (answer, program, programHead) => {
      program.on('error', () => program.destroy());
      const headers = [...answerHeaders(answer.rawHeaders), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
      client.write(headText(101, headers));
      client.write(programHead);
      program.write(head);
      join(client, program);
    });
    // The program would not: its answer, and then the end, for what the client sends on is no HTTP any more.
    outgoing.once('response', (answer) => {
      client.write(headText(answer.statusCode ?? 502, [...answerHeaders(answer.rawHeaders), 'Connection', 'close']));
      pipeline(answer, client, () => client.destroy());
    });
    outgoing.end();
  };

  return Object.freeze({
    open,
    close: () => {
      for (const client of clients) client.destroy();
    },
  });
};

import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { checkInteger, checkNames, checkText, refuse } from '#primitives/checks';
import { closeServer, isLoopback, listenAt } from '../listening.ts';
import type { Sidecar, SidecarContext } from '../sidecar.ts';
import type { CertificateFiles } from './certificate.ts';
import { certificateStore, type CertificateStore } from './certificate-store.ts';
import { forwarder } from './forward.ts';
import { isWebSocket, upgrader, type Upgrader } from './upgrade.ts';

export interface TlsSidecarOptions {
  /** 1..20 pairs. The first is for clients that name no server, or one that none of them is for. */
  readonly certificates: readonly CertificateFiles[];
  /** Where HTTPS is served. Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  /** The plain HTTP program. `host` is a loopback address: what goes there is not encrypted. */
  readonly target: { readonly host: string; readonly port: number };
  /** How often the files are looked at: a renewed pair is served after so long at the latest. 10..3_600_000 ms. */
  readonly reloadMs: number;
  readonly limits: TlsLimits;
}

/** What a client may take of us. Times are 1..3_600_000 ms. */
export interface TlsLimits {
  readonly handshakeMs: number;
  /** For the head of a request, from its first byte or the end of the handshake on. */
  readonly headersMs: number;
  /** For a request with its body. At least `headersMs`. */
  readonly requestMs: number;
  /** How long a connection is kept for another request. */
  readonly keepAliveMs: number;
  /** How long the program may be silent before the client gets a 504 (or, within an answer, is cut off). */
  readonly answerMs: number;
  /** 1..1_000_000; one more is closed at once. */
  readonly maxConnections: number;
  /** Of one request: 1_024..1_048_576; beyond it 431. */
  readonly maxHeaderBytes: number;
  /** 0..2 ** 40; beyond it 413. */
  readonly maxBodyBytes: number;
}

const LIMITS = [
  'handshakeMs',
  'headersMs',
  'requestMs',
  'keepAliveMs',
  'answerMs',
  'maxConnections',
  'maxHeaderBytes',
  'maxBodyBytes',
];
const LONGEST_MS = 3_600_000;

const validateLimits = (limits: TlsLimits): void => {
  checkNames(limits, LIMITS);
  checkInteger('limits.handshakeMs', limits.handshakeMs, 1, LONGEST_MS);
  checkInteger('limits.headersMs', limits.headersMs, 1, LONGEST_MS);
  checkInteger('limits.requestMs', limits.requestMs, limits.headersMs, LONGEST_MS);
  checkInteger('limits.keepAliveMs', limits.keepAliveMs, 1, LONGEST_MS);
  checkInteger('limits.answerMs', limits.answerMs, 1, LONGEST_MS);
  checkInteger('limits.maxConnections', limits.maxConnections, 1, 1_000_000);
  checkInteger('limits.maxHeaderBytes', limits.maxHeaderBytes, 1_024, 1_048_576);
  checkInteger('limits.maxBodyBytes', limits.maxBodyBytes, 0, 2 ** 40);
};

const validate = (options: TlsSidecarOptions): void => {
  checkNames(options, ['certificates', 'listen', 'target', 'reloadMs', 'limits']);
  const { certificates, listen, target, reloadMs, limits } = options;
  checkInteger('certificates.length', certificates.length, 1, 20);
  for (const { certFile, keyFile } of certificates) {
    checkText('certFile', certFile, 1, 4_096);
    checkText('keyFile', keyFile, 1, 4_096);
  }
  checkText('listen.host', listen.host, 1, 255);
  checkInteger('listen.port', listen.port, 0, 65_535);
  checkInteger('target.port', target.port, 1, 65_535);
  if (!isLoopback(target.host)) throw refuse('target.host', 'a loopback address (127.0.0.0/8 or ::1)', target.host);
  checkInteger('reloadMs', reloadMs, 10, LONGEST_MS);
  validateLimits(limits);
};

const serverOf = (store: CertificateStore, { limits }: TlsSidecarOptions): Server => {
  const { handshakeMs, headersMs, requestMs, keepAliveMs, answerMs, maxConnections, maxHeaderBytes } = limits;
  const server = createServer({
    ...store.defaultOptions(),
    ALPNProtocols: ['http/1.1'],
    SNICallback: (serverName, done) => done(null, store.contextFor(serverName)),
    handshakeTimeout: handshakeMs,
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    keepAliveTimeout: keepAliveMs,
    maxHeaderSize: maxHeaderBytes,
    // Node looks at its time limits as often as this; its own 30 s would make them all at least so long.
    shouldUpgradeCallback: isWebSocket,
    connectionsCheckingInterval: Math.max(10, Math.min(1_000, Math.floor(headersMs / 2))),
  });
  server.maxConnections = maxConnections;
  // A client that takes nothing of its answer is silent too. The program's own limit comes first.
  server.timeout = Math.max(keepAliveMs, answerMs, requestMs) + 1_000;
  return server;
};

const counters = () => {
  const counts = {
    requests: 0,
    upgrades: 0,
    badGateway: 0,
    gatewayTimeout: 0,
    refused: 0,
    cutOff: 0,
    handshakesFailed: 0,
  };
  return {
    counts,
    count: (what: keyof typeof counts): void => {
      counts[what] += 1;
    },
  };
};

interface Running {
  readonly server: Server;
  readonly store: CertificateStore;
  readonly tunnels: Upgrader;
  readonly address: string;
}

/** Looks at the files again and again, until it is told to stop. */
const keepFresh = async (running: Running, { clock, signal }: SidecarContext, reloadMs: number): Promise<void> => {
  while (!signal.aborted) {
    await clock.sleep(reloadMs, signal).catch(() => undefined);
    if (signal.aborted) return;
    // New handshakes get the new pair; connections that there are keep what they agreed on.
    if (await running.store.reload()) running.server.setSecureContext(running.store.defaultOptions());
  }
};

/**
 * HTTPS for a program that speaks plain HTTP: terminates TLS (1.2 and later), and forwards each request to the program
 * on loopback, with `X-Forwarded-For`, `-Proto` and `-Host` of its own in the place of whatever the client claims.
 *
 * A renewed certificate is served to new connections within `reloadMs`, without touching those that there are. A pair
 * that does not parse, does not fit together or is not valid now is refused, and the one before is kept: `report` and
 * the log say so. A program that is down is a 502, one that is silent a 504, and both come with `Retry-After`. HTTP/1.1
 * only; connections that the program upgrades to WebSocket are passed through, closed after `answerMs` of silence.
 *
 * `stop` accepts no more connections, closes WebSockets, lets requests that were begun end, and closes the rest when it
 * is out of time. Crash: connections break; nothing is kept that has to be cleaned up.
 *
 * @throws {@link InvalidArgumentError} when an option is out of range, or the target is not on this machine
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3 (adding HTTPS to a legacy service)
 * @see https://nodejs.org/api/tls.html#serversetsecurecontextoptions
 */
export const tlsSidecar = (options: TlsSidecarOptions): Sidecar => {
  validate(options);
  const { certificates, listen, target, reloadMs, limits } = options;
  const { counts, count } = counters();
  let running: Running | undefined;
  let isEnding = false;

  const start = async (context: SidecarContext): Promise<void> => {
    const { clock, log, signal } = context;
    isEnding = false;
    const store = certificateStore({ certificates, clock, log });
    await store.load();
    const server = serverOf(store, options);
    const forward = forwarder({ ...limits, target, log, count, isEnding: () => isEnding });
    const tunnels = upgrader({ target, idleMs: limits.answerMs, clock, log, count });
    server.on('request', (incoming, response) => {
      forward(incoming, response);
      // Behind an answer that was under way when the end began there is an idle connection that nobody closes.
      response.once('close', () => {
        if (isEnding) setImmediate(() => server.closeIdleConnections());
      });
    });
    server.on('upgrade', (incoming, socket, head) => tunnels.open(incoming, socket, head));
    server.on('tlsClientError', (error: Error, socket: Socket) => {
      count('handshakesFailed');
      log.debug('no TLS handshake', { error: error.message });
      socket.destroy();
    });
    const address = await listenAt(server, listen, signal);
    running = { server, store, tunnels, address: `https://${address}` };
    void keepFresh(running, context, reloadMs);
  };

  const stop = async (signal: AbortSignal): Promise<void> => {
    if (running === undefined) return;
    isEnding = true;
    running.tunnels.close();
    await closeServer(running.server, signal);
  };

  return Object.freeze({
    name: 'tls',
    start,
    stop,
    report: () => ({
      address: running?.address ?? null,
      target: `http://${target.host}:${target.port}`,
      certificates: running?.store.report() ?? [],
      ...counts,
    }),
  });
};

import { request, STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import type { Log } from '#primitives/log';
import { answerHeaders, forwardedHeaders } from './headers.ts';

export interface ForwardOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** How requests come; by TLS unless told. */
  readonly protocol?: 'http' | 'https';
  /** How long the program may be silent, before and within its answer. */
  readonly answerMs: number;
  readonly maxBodyBytes: number;
  readonly log: Log;
  /** True from the moment on when connections are to be closed behind their answers. */
  readonly isEnding: () => boolean;
  readonly count: (what: 'requests' | 'badGateway' | 'gatewayTimeout' | 'refused' | 'cutOff') => void;
}

interface Refusal {
  readonly status: number;
  readonly detail: string;
}

/** RFC 9457. The rest of what the client sends is not read: the connection is closed behind it. */
const refuse = (response: ServerResponse, { status, detail }: Refusal): void => {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail });
  response.writeHead(status, {
    'content-type': 'application/problem+json',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
    ...(status === 502 || status === 504 ? { 'retry-after': '1' } : {}),
  });
  response.end(body);
};

const refusalOf = (incoming: IncomingMessage, maxBodyBytes: number): Refusal | undefined => {
  const { url = '', headers } = incoming;
  // Another form would be read by the program as a request to somebody else.
  if (!url.startsWith('/') && url !== '*') return { status: 400, detail: 'Expected a path, starting with /.' };
  if (Number(headers['content-length'] ?? 0) > maxBodyBytes) {
    return { status: 413, detail: `Expected a body of at most ${maxBodyBytes} bytes.` };
  }
  return undefined;
};

/** Writes the program's answer out as it comes. */
const passOn = (answer: IncomingMessage, response: ServerResponse, { isEnding, count }: ForwardOptions): void => {
  const headers = answerHeaders(answer.rawHeaders);
  if (isEnding()) headers.push('Connection', 'close');
  try {
    response.writeHead(answer.statusCode ?? 502, headers);
  } catch {
    // What the program writes into its headers is not always HTTP.
    answer.destroy();
    count('badGateway');
    refuse(response, { status: 502, detail: 'The program behind this address gave an answer that is not HTTP.' });
    return;
  }
  pipeline(answer, response, (error) => {
    if (error !== undefined && error !== null) count('cutOff');
  });
};

const requestHeaders = (
  { rawHeaders, headers, socket }: IncomingMessage,
  protocol: 'http' | 'https' = 'https',
): string[] => [
  ...forwardedHeaders(rawHeaders, { address: socket.remoteAddress ?? 'unknown', host: headers.host, protocol }),
  // Node frames the body of a GET only when it is told to: unframed, the program would read it as its next request.
  ...(headers['transfer-encoding'] === undefined ? [] : ['Transfer-Encoding', 'chunked']),
  'Connection',
  'close',
];

/** Hands requests to a plain HTTP program on the same machine and its answers back, as streams. Never throws. */
export const forwarder =
  (options: ForwardOptions) =>
  (incoming: IncomingMessage, response: ServerResponse): void => {
    const { target, answerMs, maxBodyBytes, log, count } = options;
    count('requests');
    const refusal = refusalOf(incoming, maxBodyBytes);
    if (refusal !== undefined) {
      count('refused');
      refuse(response, refusal);
      return;
    }
    // A connection for each request: one that was kept might be closed by the program just as we send, and a request
    // that is not idempotent cannot be sent again. On loopback a new one costs little.
    const outgoing = request({
      ...target,
      method: incoming.method ?? 'GET',
      path: incoming.url ?? '/',
      headers: requestHeaders(incoming, options.protocol),
      agent: false,
      timeout: answerMs,
      setHost: false,
    });
    let isLate = false;
    const fail = (error: Error): void => {
      if (response.writableEnded || response.destroyed) return;
      count(isLate ? 'gatewayTimeout' : 'badGateway');
      log.warn('the program did not answer', { isLate, error: error.message });
      refuse(
        response,
        isLate
          ? { status: 504, detail: `The program behind this address was silent for ${answerMs} ms.` }
          : { status: 502, detail: 'The program behind this address does not answer.' },
      );
    };
    outgoing.once('timeout', () => {
      isLate = true;
      outgoing.destroy(new Error('silent for too long'));
    });
    outgoing.once('response', (answer) => passOn(answer, response, options));
    outgoing.on('error', fail);
    response.once('close', () => outgoing.destroy());

    let bytes = 0;
    incoming.on('data', (part: Buffer) => {
      bytes += part.length;
      if (bytes <= maxBodyBytes) return;
      count('refused');
      incoming.unpipe(outgoing);
      incoming.pause();
      refuse(response, { status: 413, detail: `Expected a body of at most ${maxBodyBytes} bytes.` });
      outgoing.destroy();
    });
    incoming.once('error', () => outgoing.destroy());
    incoming.pipe(outgoing);
  };

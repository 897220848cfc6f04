import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIPv6 } from 'node:net';
import { checkInteger, checkNames } from '#primitives/checks';
import { OutcomeUnknownError, PatternError, UnavailableError } from '#primitives/errors';
import { AnswerTooLongError, TargetRefusedError } from './errors.ts';
import { addressOf, type Target, type TargetRules } from './target.ts';
import type { HeaderValues, ServiceAnswer, Transport } from './types.ts';

export interface NodeTransportOptions extends TargetRules {
  /** Connections kept to one target, and open to it at a time. 1..1024. */
  readonly maxSockets: number;
  /** Longer answers are given up. 1..5_000_000: an answer of a function may have 6 MB, in base64. */
  readonly maxAnswerBytes: number;
}

const headersOf = ({ headersDistinct }: IncomingMessage): HeaderValues =>
  Object.fromEntries(Object.entries(headersDistinct).map(([name, values = []]) => [name, values]));

/** A GET without a body says nothing of its length: some servers take a length for a body. */
const outgoingHeaders = (
  headers: HeaderValues,
  method: string,
  body: Uint8Array,
): Record<string, string | string[]> => ({
  ...Object.fromEntries(Object.entries(headers).map(([name, values]) => [name, [...values]])),
  ...(body.length === 0 && /^(GET|HEAD|OPTIONS|DELETE)$/.test(method) ? {} : { 'content-length': String(body.length) }),
});

const read = async (incoming: IncomingMessage, limitBytes: number): Promise<Uint8Array> => {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new AnswerTooLongError(limitBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
};

/** What is known of a request that has failed depends on how far it came. */
const failure = (error: unknown, what: string, isSent: boolean): PatternError => {
  if (error instanceof PatternError) return error;
  return isSent ? new OutcomeUnknownError(what, error) : new UnavailableError(what, error);
};

/**
 * Sends requests over HTTP/1.1 by Node's own client. Connects to the very address that was judged, once for each new
 * connection; follows no redirect, knows no proxy, keeps no cookie, and decompresses nothing: the answer is handed on as
 * its bytes.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range
 */
export const nodeTransport = (options: NodeTransportOptions): Transport => {
  checkNames(options, ['resolve', 'localTargets', 'maxSockets', 'maxAnswerBytes']);
  const { maxSockets, maxAnswerBytes, localTargets, resolve } = options;
  const rules: TargetRules = {
    ...(resolve === undefined ? {} : { resolve }),
    ...(localTargets === undefined ? {} : { localTargets }),
  };
  checkInteger('maxSockets', maxSockets, 1, 1_024);
  checkInteger('maxAnswerBytes', maxAnswerBytes, 1, 5_000_000);
  const how = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' } as const;
  const agents = { 'http:': new HttpAgent(how), 'https:': new HttpsAgent(how) };

  const judged = async (target: Target): Promise<string> => {
    const address = await addressOf(target, rules);
    if (!address.ok && address.isUnresolved === true) throw new UnavailableError(`the address of ${target.hostname}`);
    if (!address.ok) throw new TargetRefusedError(address.reason);
    return address.value;
  };

  /** Asked by the socket when it connects, so that what was judged and what is connected to are one. */
  const pinned =
    (target: Target): NonNullable<RequestOptions['lookup']> =>
    (_hostname, { all }, tell) => {
      judged(target).then(
        (address) => {
          const family = isIPv6(address) ? 6 : 4;
          if (all === true) tell(null, [{ address, family }]);
          else tell(null, address, family);
        },
        (error: Error) => tell(error, '', 4),
      );
    };

  return async ({ target, method, path, headers, body, onNewConnection }, signal) => {
    const { protocol, hostname, port } = target;
    // An address is not looked up by the socket, so it is judged here.
    if (/^[\d.]+$|:/.test(hostname)) await judged(target);
    const what = `${method} ${hostname}:${port}`;
    const send = protocol === 'https:' ? httpsRequest : httpRequest;
    let isSent = false;
    try {
      signal.throwIfAborted();
      const incoming = await new Promise<IncomingMessage>((got, failed) => {
        const outgoing = send(
          {
            agent: onNewConnection ? false : agents[protocol],
            hostname,
            port,
            method,
            path,
            headers: outgoingHeaders(headers, method, body),
            lookup: pinned(target),
            signal,
          },
          got,
        );
        outgoing.once('socket', (socket) => {
          const sent = (): void => {
            isSent = true;
          };
          if (socket.connecting) socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', sent);
          else sent();
        });
        outgoing.on('error', failed);
        outgoing.end(body);
      });
      const answer: ServiceAnswer = {
        status: incoming.statusCode ?? 502,
        headers: headersOf(incoming),
        body: await read(incoming, maxAnswerBytes),
      };
      return answer;
    } catch (error) {
      throw failure(error, what, isSent);
    }
  };
};

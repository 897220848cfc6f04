import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Log } from '#primitives/log';
import { errorAnswer } from './answers.ts';
import type { Answer, Call, Caller, Outcome } from './call.ts';
import { gate } from './gate.ts';
import { readBody } from './request-body.ts';

/** DynamoDB's largest request (BatchWriteItem, 16 MB) with its envelope. */
const MAX_BODY_BYTES = 17 * 1024 * 1024;

export interface HttpServer {
  readonly port: number;
  /** Stops listening and ends every connection. */
  close(): Promise<void>;
}

const callerOf = (response: ServerResponse): Caller => ({
  get left() {
    return response.destroyed && !response.writableFinished;
  },
  onLeft: (listener) => {
    const closed = (): void => {
      if (!response.writableFinished) listener();
    };
    response.once('close', closed);
    return () => response.removeListener('close', closed);
  },
});

const send = (response: ServerResponse, outcome: Outcome): void => {
  if (outcome === 'cut') {
    response.destroy();
    return;
  }
  if (response.destroyed) return;
  const { 'content-length': length, ...headers } = outcome.headers;
  response.statusCode = outcome.status;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  // An answer to HEAD has the length of what it does not carry.
  if (outcome.status !== 204)
    response.setHeader(
      'content-length',
      outcome.body.length === 0 && length !== undefined ? Number(length) : Buffer.byteLength(outcome.body),
    );
  response.end(outcome.body);
};

const plain = (status: number, message: string): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...(status === 413 ? { connection: 'close' } : {}) },
  body: JSON.stringify({ message }),
});

/** In the words of S3 unless JSON was sent: nobody else is sent so much. */
const tooLarge = (headers: IncomingHttpHeaders): Answer => {
  const message = `Expected at most ${MAX_BODY_BYTES} bytes.`;
  if (headers['x-amz-target'] !== undefined) return plain(413, message);
  const answer = errorAnswer('s3', { status: 400, code: 'EntityTooLarge', message });
  return { ...answer, headers: { ...answer.headers, connection: 'close' } };
};

const listen = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        new Error(
          `The AWS endpoint can't listen on port ${port} of 127.0.0.1 (${cause.code ?? cause.message}). Stop what listens there, ` +
            'or choose another: AWS_PORT=0 picks a free one.',
          { cause },
        ),
      );
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });

/**
 * Serves calls on 127.0.0.1: reads each whole, lets it be answered, and survives what goes wrong.
 *
 * @throws Error when the port is taken; it names the port and the variable.
 */
export const startHttpServer = async (options: {
  readonly port: number;
  readonly handle: (call: Call) => Promise<Outcome>;
  readonly log: Log;
}): Promise<HttpServer> => {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<Outcome> => {
    const closed = gate(request.headers);
    if (closed !== undefined) return plain(403, closed);
    const body = await readBody(request, MAX_BODY_BYTES);
    if (body === undefined) return tooLarge(request.headers);
    const { method = 'GET', url = '/', headers } = request;
    return options.handle({ method, url, headers, body, caller: callerOf(response) });
  };

  const server = createServer((request, response) => {
    answer(request, response).then(
      (outcome) => send(response, outcome),
      (error: unknown) => {
        // The caller may have gone while it was still sending.
        if (response.destroyed) return;
        options.log.error('a call could not be answered', {
          error: error instanceof Error ? error.stack : String(error),
        });
        send(response, plain(500, 'The endpoint failed to answer this; its log says why.'));
      },
    );
  });
  const port = await listen(server, options.port);
  return Object.freeze({
    port,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
};

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { awsClients, type AwsClients } from '#primitives/aws/clients';

export type Answer = (response: ServerResponse) => void;

/** An answer of DynamoDB's protocol. */
export const json =
  (status: number, body: object): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
  };
/** The connection ends without an answer. */
export const lost: Answer = (response) => {
  response.destroy();
};

interface AnsweringServer {
  readonly clients: AwsClients;
  /** How many requests came. */
  attempts(): number;
  /** Ends the server: from then on connections are refused. */
  close(): Promise<void>;
  /** Ends all. */
  stop(): Promise<void>;
}

/** A server that answers request after request with one of `answers`, the last of them for ever, and clients for it. */
export const startAnsweringServer = async (answers: readonly Answer[]): Promise<AnsweringServer> => {
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  let attempts = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const answer = answers[Math.min(attempts, answers.length - 1)];
      attempts += 1;
      answer?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = awsClients({ environment: { AWS_ENDPOINT_URL: url } });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    clients,
    attempts: () => attempts,
    close,
    stop: async () => {
      await clients.close();
      if (server.listening) await close();
    },
  };
};

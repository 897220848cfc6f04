import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FunctionHost {
  readonly lambdaUrl: string;
  stop(): Promise<void>;
}

/** A function host with two functions, in the protocol of serverless-offline's Lambda API: `echo` and `fail`. */
export const startFunctionHost = async (): Promise<FunctionHost> => {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const isFailing = request.url?.includes('fail') === true;
      const failure = { errorMessage: 'broken', errorType: 'Error', trace: ['TypeError: broken', '    at handler'] };
      response.writeHead(200, {
        'content-type': 'application/json',
        ...(isFailing ? { 'x-amz-function-error': 'Unhandled' } : {}),
      });
      response.end(isFailing ? JSON.stringify(failure) : Buffer.concat(chunks));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    lambdaUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

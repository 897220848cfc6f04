import { createServer, request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the proxy does with every call of `operation` until it is told otherwise. */
export interface ProxyFault {
  /** The name of the operation, e.g. `PutItem`; `*` is every call. */
  readonly operation: string;
  /**
   * `lose-answer`: passes the call on and then breaks the connection; `throttle`: 400 with a throttling error; `conflict`:
   * a transaction that was cancelled because another holds a record. The last two pass nothing on.
   */
  readonly kind: 'lose-answer' | 'throttle' | 'conflict';
  /** How many calls it hits. Default: all. */
  readonly times?: number;
}

export interface FaultProxy {
  readonly url: string;
  inject(fault: ProxyFault | undefined): void;
  stop(): Promise<void>;
}

const bodyOf = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

/** Services without `x-amz-target`: what their methods on one object, or one function, are called. */
const BY_METHOD: Readonly<Record<string, string>> = {
  GET: 'GetObject',
  PUT: 'PutObject',
  DELETE: 'DeleteObject',
  POST: 'Invoke',
};

const operationOf = ({ headers, method = '' }: IncomingMessage): string => {
  const target = headers['x-amz-target'];
  return typeof target === 'string' ? target.replace(/^.*\./, '') : (BY_METHOD[method] ?? method);
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

const forward = async (target: URL, call: IncomingMessage, body: Buffer): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const { hostname, port } = target;
  request({ hostname, port, method: call.method, path: call.url, headers: call.headers, agent: false }, resolve)
    .on('error', reject)
    .end(body);
  const answer = await promise;
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await bodyOf(answer) };
};

const json = (value: object): Answer => ({
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: Buffer.from(JSON.stringify(value)),
});

const CANNED = {
  throttle: json({ __type: 'com.amazonaws#ThrottlingException', message: 'Rate exceeded' }),
  conflict: json({
    __type: 'com.amazonaws.dynamodb.v20120810#TransactionCanceledException',
    Message: 'Transaction cancelled, please refer cancellation reasons for specific reasons [TransactionConflict]',
    CancellationReasons: [{ Code: 'TransactionConflict', Message: 'Transaction is ongoing for the item' }],
  }),
};

/** A proxy on a free port of 127.0.0.1 in front of an endpoint of AWS, with faults that can be turned on and off. */
export const startFaultProxy = async (targetUrl: string): Promise<FaultProxy> => {
  const target = new URL(targetUrl);
  let current: ProxyFault | undefined;
  let hits = 0;

  const faultFor = (call: IncomingMessage): ProxyFault['kind'] | undefined => {
    const operation = operationOf(call);
    if (current === undefined || (current.operation !== '*' && current.operation !== operation)) return undefined;
    hits += 1;
    return hits <= (current.times ?? Infinity) ? current.kind : undefined;
  };

  const server = createServer((call, response) => {
    const serve = async (): Promise<void> => {
      const body = await bodyOf(call);
      const kind = faultFor(call);
      const isCanned = kind === 'throttle' || kind === 'conflict';
      const answer = isCanned ? CANNED[kind] : await forward(target, call, body);
      if (kind === 'lose-answer') {
        response.destroy();
        return;
      }
      response.writeHead(answer.status, answer.headers).end(answer.body);
    };
    serve().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    inject: (fault) => {
      current = fault;
      hits = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};

import { buildApp } from 'fauxqs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { mappingsApi } from '../../../localstack/event-sources/mappings-api.ts';
import { mappingStore, type MappingStore } from '../../../localstack/event-sources/mapping-store.ts';
import { patientCaller, type Call } from '../../../localstack/embedded/call.ts';
import { startDynoxide } from '../../../localstack/embedded/dynoxide.ts';
import { startEventBridge } from '../../../localstack/embedded/event-bridge.ts';
import { operationOf } from '../../../localstack/embedded/operation.ts';
import type { RegisteredFunction } from '../../../localstack/plugin/functions.ts';
import { silentLog } from '../embedded/fixture.ts';

/** An endpoint with what the plugin needs of one, and a view of what it left there. */
export interface TestPlace {
  readonly url: string;
  readonly adminToken: string;
  readonly mappings: MappingStore;
  readonly functions: () => readonly RegisteredFunction[];
  readonly stop: () => Promise<void>;
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
};

const answer = (
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
};

const call = ({ method = '', url = '/', headers }: IncomingMessage): Omit<Call, 'body'> => ({
  method,
  url,
  headers,
  caller: patientCaller,
});

/** Queues, topics and buckets by fauxqs, tables by dynoxide, mappings, buses and schedules by their real APIs. */
export const startPlace = async (): Promise<TestPlace> => {
  const adminToken = 'place-token';
  const fauxqs = buildApp({ logger: false });
  await fauxqs.ready();
  const dynoxide = await startDynoxide();
  let functions: readonly RegisteredFunction[] = [];
  const store = mappingStore();
  const mappings = mappingsApi({
    store,
    queueAttributes: async () => ({ visibilityTimeoutS: 65 }),
    streamExists: async () => true,
    functionTimeoutS: (name) => functions.find((each) => each.name === name)?.timeoutS,
    clock: { nowMs: () => 0, monotonicMs: () => 0, sleep: async () => undefined },
    random: { next: () => 0, uuid: () => crypto.randomUUID() },
  });

  const clock = { nowMs: () => Date.now(), monotonicMs: () => 0, sleep: async () => undefined };
  const random = { next: () => 0, uuid: () => crypto.randomUUID() };
  const bridge = startEventBridge({
    region: 'us-east-1',
    accountId: '000000000000',
    clock,
    random,
    log: silentLog,
    services: {
      sqs: async () => 'cut',
      queueUrl: (queue) => queue,
      invokeLater: () => true,
      hasFunction: () => true,
    },
  });

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const target = String(request.headers['x-amz-target'] ?? '');
    const url = new URL(request.url ?? '/', 'http://place');
    if (target.startsWith('DynamoDB')) {
      const names = ['authorization', 'content-type', 'x-amz-date', 'x-amz-target'];
      const headers = names.map((name): [string, string] => [name, String(request.headers[name])]);
      const init = { method: 'POST', headers, body: await bodyOf(request) };
      const { status, body } = await fetch(dynoxide.url, init).then(async (each) => ({
        status: each.status,
        body: await each.json(),
      }));
      return answer(response, status, body);
    }
    const { service, name } = operationOf({ ...call(request), body: Buffer.alloc(0) });
    if (service === 'events' || service === 'scheduler') {
      const asked = { ...call(request), body: Buffer.from(await bodyOf(request)) };
      const answered = service === 'events' ? bridge.events(name, asked) : bridge.scheduler(asked);
      response.writeHead(
        answered.status,
        Object.entries(answered.headers).flatMap(([key, value]) => [key, String(value)]),
      );
      response.end(answered.body);
      return undefined;
    }
    if (url.pathname === '/_stack/functions') {
      if (request.headers.authorization !== `Bearer ${adminToken}`) return answer(response, 401, {});
      ({ functions } = JSON.parse(await bodyOf(request)) as { readonly functions: readonly RegisteredFunction[] });
      return answer(response, 200, {});
    }
    if (url.pathname.startsWith('/2015-03-31/event-source-mappings')) {
      const path = url.pathname.replace(/\/$/, '');
      const query = Object.fromEntries(url.searchParams);
      const answered = await mappings({ method: request.method ?? '', path, query, body: await bodyOf(request) });
      return answer(response, answered.status, answered.body, { ...answered.headers });
    }
    fauxqs.routing(request, response);
  };

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => answer(response, 500, { message: String(error) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    adminToken,
    mappings: store,
    functions: () => functions,
    stop: async () => {
      bridge.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await fauxqs.close();
      await dynoxide.stop();
    },
  };
};

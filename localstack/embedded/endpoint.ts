import type { Log } from '#primitives/log';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';
import { mappingsApi } from '../event-sources/mappings-api.ts';
import { mappingStore, type MappingStore } from '../event-sources/mapping-store.ts';
import { applyFault, kindsFor } from './apply-fault.ts';
import type { EventBuses } from './bus.ts';
import {
  isJsonObject,
  jsonOf,
  patientCaller,
  type Answer,
  type Backend,
  type Call,
  type Operation,
  type Outcome,
} from './call.ts';
import { callCounts, type CallCounts } from './calls.ts';
import { startEventBridge, type EventBridge } from './event-bridge.ts';
import type { FaultInjector } from './faults.ts';
import { functionRegistry, type FunctionRegistry } from './function-registry.ts';
import { httpBackend } from './http-backend.ts';
import { startHttpServer } from './http-server.ts';
import type { FunctionOutcome } from './invoke-function.ts';
import { lambdaService } from './lambda-service.ts';
import { startMessaging, type MessagingOptions } from './messaging.ts';
import { LAMBDA_MAPPINGS_PATH, operationOf, placesOf } from './operation.ts';
import { stackApi } from './stack-api.ts';
import { streamExists, tables } from './tables.ts';

export interface EndpointOptions {
  /** 0 picks a free one. */
  readonly port: number;
  readonly region: string;
  /** Of buses and functions. SQS, SNS and S3 know only 000000000000. */
  readonly accountId: string;
  /** The server of the tables. Needed unless there is an `upstream`. */
  readonly dynamodbUrl?: string;
  /** Another endpoint that serves everything but Lambda and its event source mappings. */
  readonly upstream?: string;
  /** How often items past their time to live are removed. Default 30 000; not with an `upstream`. */
  readonly ttlSweepMs?: number;
  readonly adminToken: string;
  /** The function host that is up now. */
  readonly functionHost: () => { readonly lambdaUrl: string } | undefined;
  /** Ends the function host at once: the fault `crash` at a function. */
  readonly crashHost?: () => void;
  readonly faults: FaultInjector;
  /** The wait before an asynchronous invocation is tried again; twice that before the third try. Default: AWS's minute. */
  readonly asyncRetryDelayMs?: number | undefined;
  readonly log: Log;
}

export interface Endpoint {
  readonly url: string;
  readonly port: number;
  readonly calls: CallCounts;
  readonly functions: FunctionRegistry;
  readonly mappings: MappingStore;
  readonly bus: EventBuses;
  /** Invokes a function as the event sources do. Never rejects. */
  invoke(name: string, payload: string): Promise<Invocation>;
  /** Ends every connection and stops listening. */
  close(): Promise<void>;
}

/** What event sources make of an invocation. `throttled`: it was not started. */
export type Invocation =
  | { readonly status: 'answered'; readonly payload: string }
  | { readonly status: 'failed'; readonly errorType: string; readonly message: string }
  | { readonly status: 'throttled' };

const invocationOf = (outcome: FunctionOutcome, name: string): Invocation => {
  if (outcome.status === 'unknown')
    return { status: 'failed', errorType: 'ResourceNotFoundException', message: `Function not found: ${name}` };
  // Nothing was started: whoever has a batch may keep it until its visibility ends.
  return outcome.status === 'unavailable' ? { status: 'throttled' } : outcome;
};

interface Backends {
  readonly apply: Backend;
  readonly close: () => Promise<void>;
}

const TTL_SWEEP_MS = 30_000;

/** Hands a call to what serves it, when it is not Lambda. */
const backendsOf = async (
  options: EndpointOptions,
  messagingOptions: MessagingOptions,
  bridge: EventBridge,
): Promise<Backends> => {
  const away = options.upstream ?? options.dynamodbUrl;
  if (away === undefined) throw new Error("Expected 'dynamodbUrl' or 'upstream' to be given, got neither.");
  const remote = httpBackend(away);
  if (options.upstream !== undefined) return { apply: remote.apply, close: () => Promise.resolve(remote.close()) };
  const dynamodb = tables({
    apply: remote.apply,
    region: options.region,
    ttlSweepMs: options.ttlSweepMs ?? TTL_SWEEP_MS,
    clock: systemClock(),
    log: options.log,
  });
  const messaging = await startMessaging(messagingOptions);
  return {
    apply: (call) => {
      const { service, name } = operationOf(call);
      if (service === 'dynamodb' || service === 'dynamodbstreams') return dynamodb.apply(name, call);
      if (service === 'events') return Promise.resolve(bridge.events(name, call));
      if (service === 'scheduler') return Promise.resolve(bridge.scheduler(call));
      return messaging.apply(call);
    },
    close: async () => {
      await dynamodb.close();
      remote.close();
      await messaging.close();
    },
  };
};

/** A call of SQS that comes from within. */
const sqsCall = (operation: string, body: unknown): Call => ({
  method: 'POST',
  url: '/',
  headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AmazonSQS.${operation}` },
  body: Buffer.from(JSON.stringify(body)),
  caller: patientCaller,
});

/** The visibility timeout of a queue that a mapping reads, asked of whatever serves SQS. */
const queueAttributes =
  (apply: Backend) =>
  async (arn: string): Promise<{ readonly visibilityTimeoutS: number } | undefined> => {
    const [, , , , account = '', name = ''] = arn.split(':');
    const ask = (operation: string, body: unknown): Promise<Answer> => apply(sqsCall(operation, body));
    const found = jsonOf((await ask('GetQueueUrl', { QueueName: name, QueueOwnerAWSAccountId: account })).body);
    if (!isJsonObject(found) || typeof found['QueueUrl'] !== 'string') return undefined;
    const answer = await ask('GetQueueAttributes', {
      QueueUrl: found['QueueUrl'],
      AttributeNames: ['VisibilityTimeout'],
    });
    const described = jsonOf(answer.body);
    const attributes = isJsonObject(described) ? described['Attributes'] : undefined;
    return isJsonObject(attributes) ? { visibilityTimeoutS: Number(attributes['VisibilityTimeout']) } : undefined;
  };

const mappingsHandler =
  (api: ReturnType<typeof mappingsApi>) =>
  async (call: Call): Promise<Answer> => {
    const [path = '', query] = call.url.split('?', 2);
    const { status, headers, body } = await api({
      method: call.method,
      // Clients put a slash behind the collection.
      path: path.replace(/\/$/, ''),
      query: Object.fromEntries(new URLSearchParams(query ?? '')),
      body: call.body.toString(),
    });
    return { status, headers, body: JSON.stringify(body) };
  };

/**
 * Starts the one address at which the embedded place is AWS, on 127.0.0.1. Counts calls, lets faults happen, and hands
 * each call to what serves it (docs/architecture.md has the table).
 *
 * @throws Error when the port is taken; it names the port and AWS_PORT.
 */
export const startEndpoint = async (options: EndpointOptions): Promise<Endpoint> => {
  const { region, accountId, faults, log } = options;
  const clock = systemClock();
  const random = systemRandom();
  let url = '';
  const calls = callCounts();
  const functions = functionRegistry();
  const mappings = mappingStore();
  const bridge = startEventBridge({
    region,
    accountId,
    clock,
    random,
    log,
    services: {
      sqs: (name, body) => applied({ service: 'sqs', name }, sqsCall(name, body)),
      queueUrl: (name) => `${url}/${accountId}/${name}`,
      invokeLater: (name, payload) => toFunction(name, payload),
      hasFunction: (name) => hasFunction(name),
    },
  });
  const { buses } = bridge;
  // Each calls the other, once both are there.
  const toFunction = (reference: string, payload: string): boolean => service.accept(reference, payload);
  const hasFunction = (reference: string): boolean => functions.get(reference) !== undefined;
  const common = { region, accountId, clock, random, log };
  const messaging = { ...common, url: () => url, toFunction, hasFunction, toBus: buses.emit };
  const backends = await backendsOf(options, messaging, bridge);
  const port = (): number => Number(new URL(url).port);
  const service = lambdaService({ ...options, functions, port, backend: backends.apply, clock });
  const functionTimeoutS = (name: string): number | undefined => functions.get(name)?.timeoutS;
  const eventSourceMappings = mappingsHandler(
    mappingsApi({
      store: mappings,
      queueAttributes: queueAttributes(backends.apply),
      streamExists: streamExists(backends.apply),
      functionTimeoutS,
      clock,
      random,
    }),
  );
  const hostIsUp = (): boolean => options.functionHost() !== undefined;
  const stack = stackApi({ adminToken: options.adminToken, calls, functions, faults, buses, hostIsUp });

  const applied = async (operation: Operation, call: Call): Promise<Outcome> => {
    if (operation.service === 'lambda')
      return call.url.startsWith(LAMBDA_MAPPINGS_PATH) ? eventSourceMappings(call) : service.api(call);
    const fault = faults.active ? faults.decide(placesOf(operation, call), kindsFor(operation)) : undefined;
    return fault === undefined ? backends.apply(call) : applyFault(operation, call, backends.apply, fault);
  };

  const handle = async (call: Call): Promise<Outcome> => {
    if (call.url.startsWith('/_stack/')) return stack(call);
    const served = service.serveUrl(call);
    if (served !== undefined) return served;
    const operation = operationOf(call);
    calls.count(operation);
    const outcome = await applied(operation, call);
    if (outcome !== 'cut') calls.countAnswer(operation, outcome);
    return outcome;
  };

  const closeParts = async (): Promise<void> => {
    bridge.close();
    service.close();
    await backends.close();
  };
  try {
    const server = await startHttpServer({ port: options.port, handle, log });
    url = `http://127.0.0.1:${server.port}`;
    return Object.freeze({
      url,
      port: server.port,
      calls,
      functions,
      mappings,
      bus: buses,
      invoke: async (name: string, payload: string) => invocationOf(await service.invoke(name, payload), name),
      close: async () => {
        await server.close();
        await closeParts();
      },
    });
  } catch (error) {
    await closeParts();
    throw error;
  }
};

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  LambdaClient,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import type { CreateEventSourceMappingCommandInput } from '@aws-sdk/client-lambda';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Message, SendMessageBatchRequestEntry } from '@aws-sdk/client-sqs';
import { systemRandom } from '#primitives/system-random';
import { startEndpoint } from '../../localstack/embedded/endpoint.ts';
import { faultInjector } from '../../localstack/embedded/faults.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import { probe } from './probe-function.ts';
import type { Probe, ProbeOrder } from './probe-function.ts';
import { quietLog } from './probe-log.ts';

export interface ProbeQueue {
  readonly url: string;
  readonly arn: string;
}

export type Send = ProbeOrder & {
  readonly body?: string;
  readonly groupId?: string;
  readonly attributes?: SendMessageBatchRequestEntry['MessageAttributes'];
};

/** Somewhere that SQS feeds functions: all that the parity tests know of it. */
export interface ProbePlace {
  readonly sqs: SQSClient;
  readonly lambda: LambdaClient;
  /** A new queue; a visibility timeout of 1 s unless `attributes` say otherwise. */
  queue(attributes?: Readonly<Record<string, string>>): Promise<ProbeQueue>;
  /** A new function that does what its messages say. Timeout 1 s. */
  fn(reservedConcurrency?: number): { readonly name: string; readonly probe: Probe };
  /** Maps a queue to a function; gives the mapping's UUID. */
  map(
    input: Omit<CreateEventSourceMappingCommandInput, 'FunctionName' | 'EventSourceArn'> & {
      readonly queue: ProbeQueue;
      readonly name: string;
    },
  ): Promise<string>;
  change(uuid: string, input: { readonly Enabled?: boolean; readonly BatchSize?: number }): Promise<void>;
  unmap(uuid: string): Promise<void>;
  send(queue: ProbeQueue, messages: readonly Send[]): Promise<void>;
  /** Messages that are there, hidden or not. */
  depth(queue: ProbeQueue): Promise<number>;
  /** Takes what is visible now, without the event source. */
  take(queue: ProbeQueue): Promise<readonly Message[]>;
  close(): Promise<void>;
}

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const SEND_SIZE = 10;

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
};

/** Stands in for the function host: the probes behind Lambda's Invoke. */
const startProbeHost = async (
  probes: ReadonlyMap<string, Probe>,
): Promise<{ readonly url: string; close(): Promise<void> }> => {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const name = /^\/2015-03-31\/functions\/([^/]+)\/invocations$/u.exec(request.url ?? '')?.[1] ?? '';
    const target = probes.get(name);
    if (target === undefined) return void response.writeHead(404).end();
    const payload = await bodyOf(request);
    const headers = { 'content-type': 'application/json' };
    try {
      const result = await target.invoke(payload);
      response.writeHead(200, headers).end(result);
    } catch (error) {
      const errorMessage = error instanceof Error ? error.message : String(error);
      response.writeHead(200, { ...headers, 'x-amz-function-error': 'Unhandled' });
      response.end(JSON.stringify({ errorType: 'TypeError', errorMessage }));
    }
  };
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
};

/** The embedded place, in this process: the endpoint and the event sources, with the probes for a function host. */
export const startProbePlace = async (): Promise<ProbePlace> => {
  const probes = new Map<string, Probe>();
  const functions: Readonly<Record<string, unknown>>[] = [];
  const host = await startProbeHost(probes);
  const endpoint = await startEndpoint({
    port: 0,
    region: REGION,
    accountId: '000000000000',
    // No test here asks for a table.
    dynamodbUrl: host.url,
    adminToken: randomUUID(),
    functionHost: () => ({ lambdaUrl: host.url }),
    faults: faultInjector({ random: systemRandom(), service: 'probe', stage: 'local' }),
    log: quietLog,
  });
  const sources = startEventSources({
    endpointUrl: endpoint.url,
    mappings: endpoint.mappings,
    invoke: endpoint.invoke,
    hostIsUp: () => true,
    log: quietLog,
  });
  const sqs = new SQSClient({ endpoint: endpoint.url, region: REGION, credentials, useQueueUrlAsEndpoint: false });
  const lambda = new LambdaClient({ endpoint: endpoint.url, region: REGION, credentials });

  return Object.freeze({
    ...clientPlace(sqs, lambda),
    fn: (reservedConcurrency?: number) => {
      const name = `probe-${randomUUID()}`;
      const made = probe();
      probes.set(name, made);
      const reserved = reservedConcurrency === undefined ? {} : { reservedConcurrency };
      functions.push({ name, key: name, timeoutS: 1, memoryMb: 128, environment: {}, ...reserved });
      endpoint.functions.put({ functions });
      return { name, probe: made };
    },
    close: async () => {
      await sources.stop();
      sqs.destroy();
      lambda.destroy();
      await endpoint.close();
      await host.close();
    },
  });
};

/** What needs only the AWS API. */
const clientPlace = (sqs: SQSClient, lambda: LambdaClient): Omit<ProbePlace, 'fn' | 'close'> => ({
  sqs,
  lambda,
  queue: async (attributes = {}) => {
    const QueueName = `q-${randomUUID()}${attributes.FifoQueue === 'true' ? '.fifo' : ''}`;
    const { QueueUrl = '' } = await sqs.send(
      new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '1', ...attributes } }),
    );
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
    return { url: QueueUrl, arn: Attributes?.QueueArn ?? '' };
  },
  map: async ({ queue, name, ...input }) => {
    const { UUID = '' } = await lambda.send(
      new CreateEventSourceMappingCommand({ ...input, FunctionName: name, EventSourceArn: queue.arn }),
    );
    return UUID;
  },
  change: async (UUID, input) => {
    await lambda.send(new UpdateEventSourceMappingCommand({ UUID, ...input }));
  },
  unmap: async (UUID) => {
    await lambda.send(new DeleteEventSourceMappingCommand({ UUID }));
  },
  send: async (queue, messages) => {
    const entries = messages.map(({ body, groupId, attributes, ...order }, index) => ({
      Id: String(index),
      MessageBody: body ?? JSON.stringify(order),
      ...(groupId === undefined ? {} : { MessageGroupId: groupId, MessageDeduplicationId: randomUUID() }),
      ...(attributes === undefined ? {} : { MessageAttributes: attributes }),
    }));
    for (let start = 0; start < entries.length; start += SEND_SIZE) {
      const { Failed = [] } = await sqs.send(
        new SendMessageBatchCommand({ QueueUrl: queue.url, Entries: entries.slice(start, start + SEND_SIZE) }),
      );
      if (Failed.length > 0) throw new Error(`not sent: ${JSON.stringify(Failed)}`);
    }
  },
  depth: async (queue) => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
    );
    return (['', 'NotVisible', 'Delayed'] as const)
      .map((state) => Number(Attributes[`ApproximateNumberOfMessages${state}`]))
      .reduce((sum, count) => sum + count, 0);
  },
  take: async (queue) => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queue.url,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 30,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages;
  },
});

/** Waits until it holds; fails with `what` when it does not within 20 s. */
export const eventually = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const untilMs = performance.now() + 20_000;
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error(`did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

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
import { buildApp } from 'fauxqs';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';
import { mappingStore } from '../../localstack/event-sources/mapping-store.ts';
import { mappingsApi } from '../../localstack/event-sources/mappings-api.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import { sqsQueueApi } from '../../localstack/event-sources/sqs-api.ts';
import { parseQueueArn } from '#event-sources/sqs-event';
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
  fn(): { readonly name: string; readonly probe: Probe };
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

/** The embedded place, in this process: queues, the mappings' API and the event sources behind one loopback port. */
export const startProbePlace = async (): Promise<ProbePlace> => {
  const app = buildApp({ logger: false });
  await app.ready();
  const probes = new Map<string, Probe>();
  const store = mappingStore();
  const timeouts = new Map<string, number>();
  const api = mappingsApi({
    store,
    clock: systemClock(),
    random: systemRandom(),
    functionTimeoutS: (name) => timeouts.get(name),
    queueAttributes: async (arn) => {
      const parsed = parseQueueArn(arn);
      if (parsed === undefined) return undefined;
      const queue = sqsQueueApi({ endpointUrl: url(), arn: parsed });
      try {
        return { visibilityTimeoutS: await queue.visibilityTimeoutS() };
      } catch {
        return undefined;
      } finally {
        queue.close();
      }
    },
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1');
    const { status, headers, body } = await api({
      method: request.method ?? '',
      path: pathname,
      query: Object.fromEntries(searchParams),
      body: await bodyOf(request),
    });
    response.writeHead(status, headers).end(JSON.stringify(body));
  };
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/2015-03-31/') === true) void answer(request, response);
    else app.routing(request, response);
  });
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const sources = startEventSources({
    endpointUrl: url(),
    mappings: store,
    hostIsUp: () => true,
    log: quietLog,
    invoke: async (name, payload) => {
      const target = probes.get(name);
      if (target === undefined) throw new Error(`no function ${name}`);
      return { status: 'answered', payload: await target.invoke(payload) };
    },
  });
  const sqs = new SQSClient({ endpoint: url(), region: REGION, credentials, useQueueUrlAsEndpoint: false });
  const lambda = new LambdaClient({ endpoint: url(), region: REGION, credentials });

  const fn: ProbePlace['fn'] = () => {
    const name = `probe-${randomUUID()}`;
    const made = probe();
    probes.set(name, made);
    timeouts.set(name, 1);
    return { name, probe: made };
  };

  return Object.freeze({
    ...clientPlace(sqs, lambda),
    fn,
    close: async () => {
      await sources.stop();
      sqs.destroy();
      lambda.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
      await app.close();
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

import path from 'node:path';
import type { Message } from '@aws-sdk/client-sqs';
import type { HttpResult } from '#http/event';
import { sqsRecord, type WireMessage } from '../../lib/event-sources/sqs-event.ts';
import { evaluate } from '../../localstack/plugin/intrinsics.ts';
import { provision } from '../../localstack/plugin/provision.ts';
import { awsClients } from '../../localstack/plugin/resources/clients.ts';
import { asText } from '../../localstack/plugin/resources/type.ts';
import { isObject, parseTemplate } from '../../localstack/plugin/template.ts';
import { startPlace } from '../localstack/plugin/place.ts';
import { httpContext, httpEvent } from '../support/http-events.ts';
import { recordUses } from './permissions.ts';
import { resourcesOf, target, type Packaged } from './rules.ts';

const MADE = ['AWS::SQS::Queue', 'AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::Events::EventBus'];
const ROOT = path.join(import.meta.dirname, '..', '..');
const REMAINING_MS = 10_000;
/** Rounds over all queues; a failed message comes back after a second. */
const MAX_ROUNDS = 40;
/** So many rounds without a message: nothing is hidden any more either. */
const QUIET_ROUNDS = 4;

type Handler = (event: object, context: object) => Promise<unknown>;

const wireOf = ({ Body = '', MessageId = '', ReceiptHandle = '', MD5OfBody = '', ...rest }: Message): WireMessage => {
  const attributes = Object.entries(rest.MessageAttributes ?? {}).map(
    ([name, { DataType = 'String', StringValue }]) => [
      name,
      { DataType, ...(StringValue === undefined ? {} : { StringValue }) },
    ],
  );
  return {
    MessageId,
    ReceiptHandle,
    Body,
    MD5OfBody,
    Attributes: { ...rest.Attributes },
    MessageAttributes: Object.fromEntries(attributes) as NonNullable<WireMessage['MessageAttributes']>,
  };
};

const failedIn = (answer: unknown): readonly string[] => {
  const { batchItemFailures = [] } = answer as { batchItemFailures?: readonly { itemIdentifier: string }[] };
  return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
};

/**
 * The functions of a packaged template in this process, on queues, tables and buckets of their own, with what each of
 * them uses noted down. There is one at a time: functions read the environment of the process.
 */
export const startInProcess = async (template: Packaged) => {
  const place = await startPlace();
  const clients = awsClients({ endpoint: place.url, region: 'us-east-1', accountId: '000000000000' });
  const resources = Object.entries(template.Resources).filter(
    ([id, { Type }]) => MADE.includes(Type) && id !== 'ServerlessDeploymentBucket',
  );
  const { made, scope } = await provision({
    template: parseTemplate({ Resources: Object.fromEntries(resources) }),
    stackName: 'in-process',
    given: new Map(),
    clients,
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: place.url,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  });
  const uses = await recordUses(new Map([...made].map(([id, { ref }]) => [ref, id])));
  const sqs = await clients.sqs();
  const { DeleteMessageBatchCommand, ReceiveMessageCommand, SendMessageCommand } = await import('@aws-sdk/client-sqs');
  const refOf = (id: string): string => made.get(id)?.ref ?? '';

  const environmentOf = (id: string): Readonly<Record<string, string>> => {
    const { Environment } = template.Resources[id]?.Properties ?? {};
    const variables = isObject(Environment) ? evaluate(Environment['Variables'] ?? {}, { scope, where: id }) : {};
    return Object.fromEntries(
      Object.entries(isObject(variables) ? variables : {}).map(([name, value]) => [name, asText(value)]),
    );
  };

  const invoke = async (id: string, event: object): Promise<unknown> => {
    const file = asText(template.Resources[id]?.Properties?.['Handler'] ?? '').replace(/\.handler$/, '.ts');
    // A module for each function, as each has a process of its own on AWS.
    const { handler } = (await import(`${path.join(ROOT, file)}?${id}`)) as { readonly handler: Handler };
    Object.assign(process.env, environmentOf(id));
    return uses.as(id, () => handler(event, httpContext(REMAINING_MS)));
  };

  const deliver = async (functionId: string, queueId: string, batchSize: number): Promise<number> => {
    const QueueUrl = refOf(queueId);
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: batchSize,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return 0;
    const queueName = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1);
    const source = { arn: `arn:aws:sqs:us-east-1:000000000000:${queueName}`, region: 'us-east-1' };
    const failed = failedIn(
      await invoke(functionId, { Records: Messages.map((message) => sqsRecord(wireOf(message), source)) }),
    );
    const Entries = Messages.filter(({ MessageId = '' }) => !failed.includes(MessageId)).map(
      ({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }),
    );
    if (Entries.length > 0) await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    return Messages.length;
  };

  return {
    refOf,
    s3: clients.s3,
    dynamodb: clients.dynamodb,
    usedBy: uses.usedBy,
    invoke,
    send: async (queueId: string, body: unknown, more: { readonly MessageGroupId?: string } = {}): Promise<void> => {
      const fifo = more.MessageGroupId === undefined ? {} : { ...more, MessageDeduplicationId: crypto.randomUUID() };
      const MessageBody = typeof body === 'string' ? body : JSON.stringify(body);
      await sqs.send(new SendMessageCommand({ QueueUrl: refOf(queueId), MessageBody, ...fifo }));
    },
    http: async (functionId: string, method: string, url: string, options: Parameters<typeof httpEvent>[2] = {}) => {
      const { statusCode, body } = (await invoke(functionId, httpEvent(method, url, options))) as HttpResult;
      const json = (body.startsWith('{') ? JSON.parse(body) : {}) as Readonly<Record<string, string>>;
      return { status: statusCode, text: body, body: json };
    },
    /** Gives messages to the functions until no queue that is read has any. */
    settle: async (): Promise<void> => {
      const mappings = resourcesOf(template, 'AWS::Lambda::EventSourceMapping').map(
        ([, { FunctionName, EventSourceArn, BatchSize }]) =>
          [target(FunctionName), target(EventSourceArn), Number(BatchSize)] as const,
      );
      let quiet = 0;
      for (let round = 0; quiet < QUIET_ROUNDS; round += 1) {
        if (round === MAX_ROUNDS) throw new Error(`Messages are left after ${MAX_ROUNDS} rounds.`);
        let count = 0;
        for (const mapping of mappings) count += await deliver(...mapping);
        quiet = count === 0 ? quiet + 1 : 0;
        if (count === 0) await new Promise((resolve) => setTimeout(resolve, 500));
      }
    },
    stop: async (): Promise<void> => {
      await uses.stop();
      await place.stop();
    },
  };
};

import { failed, inBatches, succeeded } from '../batches.ts';
import { checkNames, checkText } from '../checks.ts';
import type { EntryOutcome, OutgoingMessage, Queue, ReceivedMessage } from '../queue.ts';
import { checkReceive, messageBytes, messageFault, visibilityFault } from '../queue-limits.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

export interface AwsQueueOptions {
  /** The URL of the queue, as CloudFormation's `Ref` gives it. Its host is not used: the endpoint is the client's. */
  readonly url: string;
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}

/** What SQS answers to a batch, inside of HTTP 200. */
interface BatchAnswer {
  readonly Successful?: readonly { readonly Id?: string | undefined }[] | undefined;
  readonly Failed?:
    | readonly {
        readonly Id?: string | undefined;
        readonly SenderFault?: boolean | undefined;
        readonly Code?: string | undefined;
        readonly Message?: string | undefined;
      }[]
    | undefined;
}

/** SQS counts in seconds: a part of one is a whole one. */
const secondsOf = (ms: number): number => Math.ceil(ms / 1000);

/** The entries' ids are their places in the call. */
const outcomesOf = (answer: BatchAnswer, count: number): readonly EntryOutcome[] => {
  const outcomes = Array.from({ length: count }, () => failed('the answer does not name the entry', true));
  for (const { Id } of answer.Successful ?? []) outcomes[Number(Id)] = succeeded;
  for (const { Id, Code, Message, SenderFault } of answer.Failed ?? []) {
    outcomes[Number(Id)] = failed(
      [Code, Message].filter((text) => text !== undefined).join(': '),
      SenderFault !== true,
    );
  }
  return outcomes;
};

const attributesOf = (attributes: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );

const entryOf = (message: OutgoingMessage, at: number) => ({
  Id: `${at}`,
  MessageBody: message.body,
  ...(message.attributes === undefined ? {} : { MessageAttributes: attributesOf(message.attributes) }),
  ...(message.delayMs === undefined ? {} : { DelaySeconds: secondsOf(message.delayMs) }),
  ...(message.groupId === undefined ? {} : { MessageGroupId: message.groupId }),
  ...(message.deduplicationId === undefined ? {} : { MessageDeduplicationId: message.deduplicationId }),
});

interface SdkMessage {
  readonly MessageId?: string | undefined;
  readonly ReceiptHandle?: string | undefined;
  readonly Body?: string | undefined;
  readonly Attributes?: Readonly<Partial<Record<string, string>>> | undefined;
  readonly MessageAttributes?: Readonly<Record<string, { readonly StringValue?: string | undefined }>> | undefined;
}

const receivedFrom = (message: SdkMessage): ReceivedMessage => {
  const { Attributes = {}, MessageAttributes = {} } = message;
  const attributes = Object.entries(MessageAttributes).flatMap(([name, { StringValue }]) =>
    StringValue === undefined ? [] : [[name, StringValue] as const],
  );
  const groupId = Attributes['MessageGroupId'];
  return Object.freeze({
    id: message.MessageId ?? '',
    receipt: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: Object.freeze(Object.fromEntries(attributes)),
    receiveCount: Number(Attributes['ApproximateReceiveCount'] ?? 1),
    sentAtMs: Number(Attributes['SentTimestamp'] ?? 0),
    ...(groupId === undefined ? {} : { groupId }),
  });
};

/**
 * A queue of SQS. Delays, waits and visibility timeouts are rounded up to whole seconds.
 *
 * An abort of `receive` closes the connection; what SQS was about to answer stays hidden until its visibility timeout
 * ends.
 */
export const awsQueue = (options: AwsQueueOptions): Queue => {
  checkNames(options, ['url', 'clients']);
  checkText('url', options.url, 1, 2048);
  const { url: QueueUrl, clients = sharedClients() } = options;
  const name = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1);
  const isFifo = name.endsWith('.fifo');
  const sqs = () => clients.sqs();

  /** One call for a batch: what fails as a whole is reported on each entry. */
  const each =
    <T>(operation: string, call: (entries: readonly T[]) => Promise<BatchAnswer>) =>
    async (entries: readonly T[]): Promise<readonly EntryOutcome[]> => {
      try {
        return outcomesOf(await call(entries), entries.length);
      } catch (error) {
        const { message, retryable } = portError(`${operation} ${name}`, error, true);
        return entries.map(() => failed(message, retryable));
      }
    };
  const send = each('SendMessageBatch', async (messages: readonly OutgoingMessage[]) => {
    const { client, sdk } = await sqs();
    return client.send(new sdk.SendMessageBatchCommand({ QueueUrl, Entries: messages.map(entryOf) }));
  });
  const remove = each('DeleteMessageBatch', async (receipts: readonly string[]) => {
    const { client, sdk } = await sqs();
    const Entries = receipts.map((ReceiptHandle, at) => ({ Id: `${at}`, ReceiptHandle }));
    return client.send(new sdk.DeleteMessageBatchCommand({ QueueUrl, Entries }));
  });
  type Change = Parameters<Queue['changeVisibilityBatch']>[0][number];
  const change = each('ChangeMessageVisibilityBatch', async (changes: readonly Change[]) => {
    const { client, sdk } = await sqs();
    const Entries = changes.map(({ receipt: ReceiptHandle, visibilityMs }, at) => ({
      Id: `${at}`,
      ReceiptHandle,
      VisibilityTimeout: secondsOf(visibilityMs),
    }));
    return client.send(new sdk.ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
  });

  const receive: Queue['receive'] = async (request, signal) => {
    checkReceive(request);
    const isAborted = (): boolean => signal?.aborted === true;
    if (isAborted()) return [];
    const { maxCount, waitMs = 0, visibilityMs } = request;
    try {
      const { client, sdk } = await sqs();
      const command = new sdk.ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: maxCount,
        WaitTimeSeconds: secondsOf(waitMs),
        ...(visibilityMs === undefined ? {} : { VisibilityTimeout: secondsOf(visibilityMs) }),
        MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp', 'MessageGroupId'],
        MessageAttributeNames: ['All'],
      });
      const { Messages = [] } = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
      return Object.freeze(Messages.map(receivedFrom));
    } catch (error) {
      if (isAborted()) return [];
      throw portError(`ReceiveMessage ${name}`, error, true);
    }
  };

  const depth: Queue['depth'] = async () => {
    try {
      const { client, sdk } = await sqs();
      const { Attributes = {} } = await client.send(
        new sdk.GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      );
      return Object.freeze({
        visibleCount: Number(Attributes.ApproximateNumberOfMessages ?? 0),
        inFlightCount: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
        delayedCount: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
      });
    } catch (error) {
      throw portError(`GetQueueAttributes ${name}`, error, false);
    }
  };

  const fault = (message: OutgoingMessage): string | undefined => messageFault(message, isFifo);
  return Object.freeze<Queue>({
    name,
    sendBatch: (entries, signal) => inBatches({ entries, fault, bytes: messageBytes, send, signal }),
    receive,
    deleteBatch: (entries) => inBatches({ entries, send: remove }),
    changeVisibilityBatch: (entries) => inBatches({ entries, fault: visibilityFault, send: change }),
    depth,
  });
};

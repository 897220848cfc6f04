import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { Consumer, type ConsumerOptions } from 'sqs-consumer';
import { messagesOf, partialBatch, type SqsEvent } from '../../lib/batch/partial-batch.ts';
import { mappingStore } from '../../localstack/event-sources/mapping-store.ts';
import { startEventSources } from '../../localstack/event-sources/runner.ts';
import { quietLog } from '../support/probe-log.ts';
import { BATCH_SIZE, queueArn } from './queues.ts';

/** A queue with messages, and how to reach it. */
export interface Work {
  readonly client: SQSClient;
  readonly url: string;
  readonly queueName: string;
  readonly queueUrl: string;
  readonly messageCount: number;
}

/** Resolves when all messages of the queue are handled; what it gives waits for the last deletes and ends polling. */
export type Consume = (work: Work) => Promise<() => Promise<void>>;

const handle = (): Promise<void> => Promise.resolve();

/** What a user would write by hand with the SDK. */
export const sdkPoller: Consume = async ({ client, queueUrl: QueueUrl, messageCount }) => {
  for (let done = 0; done < messageCount;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: BATCH_SIZE,
        WaitTimeSeconds: 1,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) continue;
    await Promise.all(Messages.map(handle));
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    done += Entries.length;
  }
  return () => Promise.resolve();
};

const sqsConsumer = (handlers: (done: (count: number) => void) => Partial<ConsumerOptions>): Consume => {
  return async ({ client, queueUrl, messageCount }) => {
    const finished = Promise.withResolvers<void>();
    let doneCount = 0;
    const consumer = Consumer.create({
      queueUrl,
      sqs: client,
      batchSize: BATCH_SIZE,
      waitTimeSeconds: 1,
      ...handlers((count) => {
        doneCount += count;
      }),
    });
    // Said after the deletes of a batch.
    consumer.on('response_processed', () => {
      if (doneCount >= messageCount) finished.resolve();
    });
    consumer.on('error', finished.reject).on('processing_error', finished.reject);
    consumer.start();
    await finished.promise;
    return () => {
      consumer.stop({ abort: true });
      return Promise.resolve();
    };
  };
};

export const consumerPerMessage = sqsConsumer((done) => ({
  handleMessage: async (message) => {
    await handle();
    done(1);
    return message;
  },
}));

export const consumerPerBatch = sqsConsumer((done) => ({
  handleMessageBatch: async (messages) => {
    await Promise.all(messages.map(handle));
    done(messages.length);
    return messages;
  },
}));

/** Our event sources with a function in this process: `answer` makes an invocation's answer of its event. */
const eventSource = (answer: (event: SqsEvent) => Promise<unknown>): Consume => {
  return async ({ url, queueName, messageCount }) => {
    const mappings = mappingStore();
    const finished = Promise.withResolvers<void>();
    let doneCount = 0;
    const sources = startEventSources({
      endpointUrl: url,
      mappings,
      invoke: async (_name, text) => {
        const event = JSON.parse(text) as SqsEvent;
        const payload = JSON.stringify(await answer(event));
        doneCount += event.Records.length;
        if (doneCount >= messageCount) finished.resolve();
        return { status: 'answered', payload };
      },
      hostIsUp: () => true,
      log: quietLog,
    });
    mappings.put({
      mapping: {
        uuid: queueName,
        functionName: 'bench',
        eventSourceArn: queueArn(queueName),
        enabled: true,
        batchSize: BATCH_SIZE,
        maximumBatchingWindowS: 0,
        reportBatchItemFailures: true,
        filterPatterns: [],
      },
      modifiedAtMs: 0,
    });
    await finished.promise;
    return () => sources.stop();
  };
};

export const runnerPerMessage = eventSource((event) => partialBatch(messagesOf(event), handle));
export const runnerPerBatch = eventSource(() => Promise.resolve({ batchItemFailures: [] }));

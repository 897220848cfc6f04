import { Agent, request } from 'node:http';
import type { QueueArn, WireMessage } from '#event-sources/sqs-event';
import { PatternError } from '#primitives/errors';
import { authorization } from './authorization.ts';

/** What the answer of SQS, or its absence, says about a call. `code` of the base is `sqs/<error name>`. */
export class SqsCallError extends PatternError {
  constructor(
    operation: string,
    name: string,
    detail: string,
    options: { readonly retryable: boolean; readonly cause?: unknown },
  ) {
    super(`sqs/${name}`, `${operation}: ${name}: ${detail}`, options);
  }
}

/** An entry of a batch call that was not applied. */
export interface FailedEntry {
  readonly receipt: string;
  readonly reason: string;
  readonly retryable: boolean;
}

/** One queue by the SQS JSON protocol over HTTP. */
export interface SqsQueueApi {
  /** Up to `maxCount` (1..10) messages with all their attributes; waits up to `waitS` (0..20) for the first. */
  receive(options: { readonly maxCount: number; readonly waitS: number }): Promise<readonly WireMessage[]>;
  /** 1..10 receipts; gives those that were not deleted. */
  deleteBatch(receipts: readonly string[]): Promise<readonly FailedEntry[]>;
  /** 1..10 entries; gives those whose visibility was not changed. */
  changeVisibilityBatch(
    entries: readonly { readonly receipt: string; readonly visibilityS: number }[],
  ): Promise<readonly FailedEntry[]>;
  visibilityTimeoutS(): Promise<number>;
  /** Ends the connections. Calls that are under way fail. */
  close(): void;
}

/** Ten messages of 1 MiB, as JSON, with room for escapes and attributes. */
const ANSWER_LIMIT_BYTES = 64 * 1024 * 1024;
/** Beyond the long poll's own wait. */
const CALL_TIMEOUT_MS = 10_000;
const MS_PER_S = 1000;
/** For one queue: more than a poller has calls under way. */
const MAX_SOCKETS = 16;

type Answer = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Answer =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parsedObject = (text: string): Answer | undefined => {
  try {
    const value: unknown = JSON.parse(text === '' ? '{}' : text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
};

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const isMessage = (value: unknown): value is WireMessage =>
  isObject(value) &&
  typeof value.MessageId === 'string' &&
  typeof value.ReceiptHandle === 'string' &&
  typeof value.Body === 'string' &&
  typeof value.MD5OfBody === 'string';

const failedEntries = (answer: Answer, receipts: readonly string[]): readonly FailedEntry[] => {
  const failed: readonly unknown[] = Array.isArray(answer.Failed) ? answer.Failed : [];
  return failed.flatMap((entry) => {
    const receipt = isObject(entry) ? receipts[Number(entry.Id)] : undefined;
    if (!isObject(entry) || receipt === undefined) return [];
    return [{ receipt, reason: String(entry.Code), retryable: entry.SenderFault !== true }];
  });
};

interface Call {
  readonly operation: string;
  readonly region: string;
  readonly input: Answer;
  readonly timeoutMs: number;
}

const refusal = (operation: string, status: number, answer: Answer | undefined): SqsCallError => {
  const type = textOf(answer?.__type) ?? `HTTP ${status}`;
  const name = type.slice(type.indexOf('#') + 1);
  const detail = textOf(answer?.message) ?? textOf(answer?.Message) ?? 'no message';
  return new SqsCallError(operation, name, detail, {
    retryable: status >= 500 || status === 429 || /Throttl/u.test(name),
  });
};

const send = (agent: Agent, endpoint: URL, call: Call): Promise<Answer> => {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const body = Buffer.from(JSON.stringify(call.input));
  const lost = (cause: unknown): void => {
    const detail = cause instanceof Error ? cause.message : String(cause);
    reject(new SqsCallError(call.operation, 'NoAnswer', detail, { retryable: true, cause }));
  };
  const outgoing = request(
    endpoint,
    {
      agent,
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'content-length': body.length,
        'x-amz-target': `AmazonSQS.${call.operation}`,
        authorization: authorization(call.region, 'sqs'),
      },
    },
    (response) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > ANSWER_LIMIT_BYTES)
          response.destroy(new Error(`the answer is over ${ANSWER_LIMIT_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', lost);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        const answer = parsedObject(Buffer.concat(chunks).toString('utf8'));
        if (status === 200 && answer !== undefined) resolve(answer);
        else reject(refusal(call.operation, status, answer));
      });
    },
  );
  outgoing.setTimeout(call.timeoutMs, () => outgoing.destroy(new Error('no answer in time')));
  outgoing.on('error', lost);
  outgoing.end(body);
  return promise;
};

type SendCall = (operation: string, input: Answer, timeoutMs?: number) => Promise<Answer>;

const queueApi = (call: SendCall, arn: QueueArn): Omit<SqsQueueApi, 'close'> => {
  let url: Promise<string> | undefined;
  const resolveUrl = async (): Promise<string> => {
    const { QueueUrl } = await call('GetQueueUrl', { QueueName: arn.queueName });
    if (typeof QueueUrl !== 'string')
      throw new SqsCallError('GetQueueUrl', 'BadAnswer', 'no QueueUrl', { retryable: true });
    return QueueUrl;
  };
  /** The URL is asked for once, and again after an error: the queue may have been made anew. */
  const onQueue = async (operation: string, input: Answer, timeoutMs?: number): Promise<Answer> => {
    url ??= resolveUrl();
    try {
      return await call(operation, { QueueUrl: await url, ...input }, timeoutMs);
    } catch (error) {
      url = undefined;
      throw error;
    }
  };
  const batch = async (
    operation: string,
    receipts: readonly string[],
    extra: (index: number) => Answer,
  ): Promise<readonly FailedEntry[]> => {
    const Entries = receipts.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle, ...extra(index) }));
    return failedEntries(await onQueue(operation, { Entries }), receipts);
  };
  return {
    receive: async ({ maxCount, waitS }: { readonly maxCount: number; readonly waitS: number }) => {
      const input = {
        MaxNumberOfMessages: maxCount,
        WaitTimeSeconds: waitS,
        MessageSystemAttributeNames: ['All'],
        // Emulators and older endpoints know only the former name of the same parameter.
        AttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      };
      const { Messages } = await onQueue('ReceiveMessage', input, waitS * MS_PER_S + CALL_TIMEOUT_MS);
      return Array.isArray(Messages) ? Messages.filter(isMessage) : [];
    },
    deleteBatch: (receipts: readonly string[]) => batch('DeleteMessageBatch', receipts, () => ({})),
    changeVisibilityBatch: (entries: readonly { readonly receipt: string; readonly visibilityS: number }[]) =>
      batch(
        'ChangeMessageVisibilityBatch',
        entries.map((entry) => entry.receipt),
        (index) => ({ VisibilityTimeout: entries[index]?.visibilityS ?? 0 }),
      ),
    visibilityTimeoutS: async () => {
      const { Attributes } = await onQueue('GetQueueAttributes', { AttributeNames: ['VisibilityTimeout'] });
      const seconds = isObject(Attributes) ? Number(Attributes.VisibilityTimeout) : Number.NaN;
      if (Number.isInteger(seconds)) return seconds;
      throw new SqsCallError('GetQueueAttributes', 'BadAnswer', 'no VisibilityTimeout', { retryable: true });
    },
  };
};

const isLoopback = (hostname: string): boolean =>
  hostname === '[::1]' || hostname === 'localhost' || /^127(?:\.\d{1,3}){3}$/u.test(hostname);

/**
 * The address of an endpoint on this machine.
 *
 * @throws An `Error` when `endpointUrl` is not an http address on loopback.
 */
export const loopbackUrl = (endpointUrl: string): URL => {
  const url = URL.parse(endpointUrl);
  if (url !== null && url.protocol === 'http:' && isLoopback(url.hostname)) return url;
  throw new Error(`Expected 'endpointUrl' to be an http address on loopback, got ${JSON.stringify(endpointUrl)}.`);
};

/**
 * A client of one queue without the SDK, which costs 40 % of a poller's time. Connections are kept alive, calls and
 * answers are bounded. It carries no credentials and speaks to loopback only: it can never drain somebody's queue.
 *
 * @throws An `Error` when `endpointUrl` is not an http address on loopback.
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
 */
export const sqsQueueApi = (options: { readonly endpointUrl: string; readonly arn: QueueArn }): SqsQueueApi => {
  const { arn } = options;
  const endpoint = loopbackUrl(options.endpointUrl);
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const call: SendCall = (operation, input, timeoutMs = CALL_TIMEOUT_MS) =>
    send(agent, endpoint, { operation, region: arn.region, input, timeoutMs });
  return Object.freeze({ ...queueApi(call, arn), close: () => agent.destroy() });
};

import { buildApp } from 'fauxqs';
import { isJsonObject, jsonOf, patientCaller, withBody, type Answer, type Backend, type Call } from './call.ts';
import { mendFifoQueues } from './fifo-mends.ts';
import { fauxqsStores, mendFauxqs, type FauxqsStores } from './fauxqs-mends.ts';
import { operationOf } from './operation.ts';
import { inS3Envelope, openS3Envelope } from './s3-envelope.ts';
import { errorAnswer, serverFault } from './answers.ts';
import type { SnsTopics } from './sns-api.ts';

export interface Fauxqs {
  readonly apply: Backend;
  readonly topics: SnsTopics;
  close(): Promise<void>;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'] as const;
const isMethod = (method: string): method is (typeof METHODS)[number] => METHODS.some((known) => known === method);

/** The operations whose answers hold queue URLs. */
const NAMES_QUEUES = /^(CreateQueue|GetQueueUrl|ListQueues)$/;
/** fauxqs puts the region and a host of its own into queue URLs; ours have the address that the caller can reach. */
const FOREIGN_ORIGIN = /http:\/\/sqs\.[a-z0-9-]+\.localhost(?::\d+)?\//g;

/** As much as fauxqs takes of an object at once. */
const MAX_OBJECT_BYTES = 11 * 1_048_576;
const TOO_LARGE = errorAnswer('s3', {
  status: 400,
  code: 'EntityTooLarge',
  message: `This place takes objects of at most ${MAX_OBJECT_BYTES} bytes at once.`,
});

/** The longest that a poll of somebody who has left, or of an endpoint that is closed, lives on. */
const SLICE_S = 1;
const MAX_WAIT_S = 20;
const MS_PER_S = 1_000;

/**
 * A long poll in slices: fauxqs does not notice that a receiver has left, would hand it messages (which counts as a
 * receive), and answers early and empty when another receiver was faster.
 */
const longPoll = async (call: Call, backend: Backend): Promise<Answer> => {
  const body = jsonOf(call.body);
  const waitS = isJsonObject(body) ? body['WaitTimeSeconds'] : undefined;
  if (!isJsonObject(body) || typeof waitS !== 'number' || waitS <= SLICE_S || waitS > MAX_WAIT_S) return backend(call);
  const slice = withBody(call, { ...body, WaitTimeSeconds: SLICE_S });
  const lastMs = performance.now() + (waitS - SLICE_S) * MS_PER_S;
  let answer = await backend(slice);
  while (isEmptyReceive(answer) && !call.caller.left && performance.now() <= lastMs) answer = await backend(slice);
  return answer;
};

/** Without messages the body is `{}`: no need to parse it. */
export const isEmptyReceive = (answer: Answer): boolean => answer.status === 200 && answer.body.length <= 2;

const withOwnUrls = (answer: Answer, url: string): Answer => {
  const { 'content-length': _, ...headers } = answer.headers;
  return { ...answer, headers, body: answer.body.toString().replace(FOREIGN_ORIGIN, `${url}/`) };
};

/** The deliveries of an answer to ReceiveMessage. */
const receiptsOf = (answer: Answer): readonly string[] => {
  const body = jsonOf(answer.body);
  const messages = isJsonObject(body) ? body['Messages'] : undefined;
  if (!Array.isArray(messages)) return [];
  return messages.flatMap((message: unknown) =>
    isJsonObject(message) && typeof message['ReceiptHandle'] === 'string' ? [message['ReceiptHandle']] : [],
  );
};

/** Makes what an answer delivered visible again at once. */
export const giveBack = async (backend: Backend, receive: Call, answer: Answer): Promise<void> => {
  const body = jsonOf(receive.body);
  const receipts = receiptsOf(answer);
  if (!isJsonObject(body) || receipts.length === 0) return;
  const entries = receipts.map((receipt, index) => ({ Id: `${index}`, ReceiptHandle: receipt, VisibilityTimeout: 0 }));
  await backend({
    ...withBody(receive, { QueueUrl: body['QueueUrl'], Entries: entries }),
    headers: { ...receive.headers, 'x-amz-target': 'AmazonSQS.ChangeMessageVisibilityBatch' },
    caller: patientCaller,
  });
};

const topicsIn = ({ snsStore }: FauxqsStores): SnsTopics => ({
  topic: (arn) => snsStore.getTopic(arn),
  subscription: (arn) => snsStore.getSubscription(arn),
  confirm: (arn) => {
    const subscription = snsStore.getSubscription(arn);
    if (subscription !== undefined) subscription.confirmed = true;
  },
});

/**
 * SQS, SNS and S3 in this process; messages of topics are not handed on here.
 *
 * @param url Where callers reach the endpoint: the origin of queue URLs.
 */
export const startFauxqs = async (options: {
  readonly url: () => string;
  readonly region: string;
}): Promise<Fauxqs> => {
  await mendFauxqs();
  await mendFifoQueues();
  const stores = await fauxqsStores();
  const app = buildApp({ logger: false, defaultRegion: options.region, stores });
  openS3Envelope(app);
  await app.ready();

  const inject: Backend = async (call) => {
    if (!isMethod(call.method)) return { status: 405, headers: {}, body: '' };
    // The body is whole by now, however it came.
    const { 'transfer-encoding': _encoding, 'content-length': _length, ...headers } = call.headers;
    const { service } = operationOf(call);
    if (service === 's3' && call.body.length > MAX_OBJECT_BYTES) return TOO_LARGE;
    const reply = await app.inject({
      method: call.method,
      // A client may send to the URL of the queue; SQS itself is at the root.
      ...(service === 's3' ? inS3Envelope(call.url, headers) : { url: service === 'sqs' ? '/' : call.url, headers }),
      ...(call.body.length === 0 ? {} : { payload: call.body }),
    });
    const { 'transfer-encoding': _t, connection: _c, ...kept } = reply.headers;
    const known = Object.entries(kept).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    return { status: reply.statusCode, headers: Object.fromEntries(known), body: reply.rawPayload };
  };

  const applySqs = async (name: string, call: Call): Promise<Answer> => {
    const answer = name === 'ReceiveMessage' ? await longPoll(call, inject) : await inject(call);
    if (answer.status === 500) return serverFault('sqs', 'The request could not be processed.');
    if (NAMES_QUEUES.test(name)) return withOwnUrls(answer, options.url());
    // Whoever asked is gone: without this its messages would be hidden from the others for nothing.
    if (name === 'ReceiveMessage' && call.caller.left) await giveBack(inject, call, answer);
    return answer;
  };

  return Object.freeze({
    apply: (call: Call) => {
      const { service, name } = operationOf(call);
      return service === 'sqs' ? applySqs(name, call) : inject(call);
    },
    topics: topicsIn(stores),
    close: () => app.close(),
  });
};

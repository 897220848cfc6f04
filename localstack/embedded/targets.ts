import { DEFAULT_DELIVERY } from '#event-sources/delivery';
import { isJsonObject, jsonOf, type Outcome } from './call.ts';
import type { Delivery, TryOutcome } from './deliveries.ts';
import { functionNameIn } from './function-registry.ts';

/** What targets are reached by. */
export interface TargetServices {
  /** Sends to SQS as any client does, faults and all. */
  readonly sqs: (operation: string, body: unknown) => Promise<Outcome>;
  readonly queueUrl: (name: string) => string;
  /** Hands a function an event that nobody waits for; false when too many wait. */
  readonly invokeLater: (name: string, payload: string) => boolean;
  readonly hasFunction: (name: string) => boolean;
}

export type TargetKind = 'queue' | 'function' | 'bus';

/** The targets that are served, by the start of their ARNs behind the partition. */
const KINDS: readonly (readonly [RegExp, TargetKind])[] = [
  [/^arn:aws:sqs:[\w-]+:\d{12}:[\w-]{1,80}(?:\.fifo)?$/u, 'queue'],
  [/^arn:aws:lambda:[\w-]+:\d{12}:function:[\w-]{1,64}(?::[\w$-]+)?$/u, 'function'],
  [/^arn:aws:events:[\w-]+:\d{12}:event-bus\/[\w./-]{1,256}$/u, 'bus'],
];

/** Undefined for what is not served here. */
export const targetKind = (arn: string): TargetKind | undefined => KINDS.find(([form]) => form.test(arn))?.[1];

export const isFifoQueue = (arn: string): boolean => arn.endsWith('.fifo');

/** What a delivery is about to bring somewhere. */
export interface Parcel {
  readonly arn: string;
  readonly payload: string;
  readonly groupId?: string | undefined;
  readonly attributes?: Readonly<Record<string, string>>;
}

export const delivered: TryOutcome = Object.freeze({ status: 'delivered' });

export const failure = (code: string, message: string, retryable: boolean): TryOutcome => ({
  status: 'failed',
  code,
  message,
  retryable,
});

const messageAttributes = (attributes: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, { DataType: 'String', StringValue: value }]),
  );

const sendMessage = async (services: TargetServices, parcel: Parcel): Promise<TryOutcome> => {
  const outcome = await services.sqs('SendMessage', {
    QueueUrl: services.queueUrl(parcel.arn.split(':').at(-1) ?? ''),
    MessageBody: parcel.payload,
    ...(parcel.groupId === undefined ? {} : { MessageGroupId: parcel.groupId }),
    ...(parcel.attributes === undefined ? {} : { MessageAttributes: messageAttributes(parcel.attributes) }),
  });
  if (outcome === 'cut') return failure('CONNECTION_FAILURE', 'The connection was closed.', true);
  if (outcome.status === 200) return delivered;
  const body = jsonOf(outcome.body);
  const { __type: type = '', message = '' } = isJsonObject(body) ? body : {};
  const [name, text] = [String(type).split('#').at(-1) ?? '', String(message)];
  if (/QueueDoesNotExist|NonExistentQueue/u.test(name)) return failure('NO_RESOURCE', text, false);
  if (/Throttl|OverLimit/u.test(name)) return failure('THROTTLING', text, true);
  return outcome.status >= 500 ? failure('ERROR_FROM_TARGET', text, true) : failure('INVALID_PARAMETER', text, false);
};

const invoke = (services: TargetServices, { arn, payload }: Parcel): TryOutcome => {
  const name = functionNameIn(arn) ?? '';
  if (!services.hasFunction(name)) return failure('NO_RESOURCE', `Function not found: ${arn}`, false);
  return services.invokeLater(name, payload)
    ? delivered
    : failure('THROTTLING', `Too many events wait for ${name}.`, true);
};

/** Tries once to bring a parcel to a queue or to a function. Never rejects. */
export const deliverTo = async (services: TargetServices, parcel: Parcel): Promise<TryOutcome> => {
  try {
    return await (targetKind(parcel.arn) === 'queue' ? sendMessage(services, parcel) : invoke(services, parcel));
  } catch (error) {
    return failure('INTERNAL_ERROR', error instanceof Error ? error.message : String(error), true);
  }
};

/** The delivery of a dead letter; when even that is given up, nothing follows. */
export const deadLetterTo = (services: TargetServices, parcel: Parcel): Delivery => ({
  what: `dead letter to ${parcel.arn}`,
  byteCount: Buffer.byteLength(parcel.payload),
  policy: DEFAULT_DELIVERY,
  attempt: () => deliverTo(services, parcel),
  deadLetter: () => undefined,
});

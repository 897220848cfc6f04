import { createHash } from 'node:crypto';
import type { SnsAttribute } from '#event-sources/sns-message';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { LetterAttribute } from './letters.ts';
import { Refused } from './refusal.ts';
import type { Published } from './sns-fan-out.ts';

export const invalid = (message: string): Refused => new Refused('InvalidParameter', `Invalid parameter: ${message}`);

/** One message of Publish or PublishBatch, as it came. */
export interface PublishInput {
  readonly message: string;
  readonly subject: string | undefined;
  readonly structure: string | undefined;
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly attributes: Readonly<Record<string, LetterAttribute>>;
}

export interface Topic {
  readonly arn: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** @see https://docs.aws.amazon.com/sns/latest/api/API_Publish.html */
export const MAX_MESSAGE_BYTES = 262_144;
const MAX_SUBJECT_CHARACTERS = 100;
const ATTRIBUTE_TYPE = /^(String|String\.Array|Number|Binary)(\..+)?$/;
/** @see https://docs.aws.amazon.com/sns/latest/dg/fifo-message-dedup.html */
const DEDUPLICATION_MS = 300_000;
const MAX_REMEMBERED = 100_000;
const FIRST_SEQUENCE = 10_000_000_000_000_000_000n;
const SEQUENCE_STEP = 1_000n;

const attributeOf = (name: string, { DataType, StringValue, BinaryValue }: LetterAttribute): SnsAttribute => {
  if (!ATTRIBUTE_TYPE.test(DataType))
    throw new Refused('ParameterValueInvalid', `The message attribute '${name}' has an invalid type: '${DataType}'.`);
  const value = DataType.startsWith('Binary') ? BinaryValue : StringValue;
  if (value === undefined || value === '')
    throw new Refused('ParameterValueInvalid', `The message attribute '${name}' must contain a non-empty value.`);
  return { type: DataType, value };
};

/** The texts by protocol of a message whose structure is `json`. */
const textsOf = (message: string): ReadonlyMap<string, string> => {
  let texts: unknown;
  try {
    texts = JSON.parse(message);
  } catch {
    throw invalid('Message Structure - JSON message body failed to parse');
  }
  const entries = Object.entries(typeof texts === 'object' && texts !== null ? texts : {});
  const found = new Map(entries.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value] as const] : [])));
  if (!found.has('default')) throw invalid('Message Structure - No default entry in JSON message body');
  return found;
};

const bytesOf = ({ message, attributes }: PublishInput): number =>
  Object.entries(attributes).reduce(
    (sum, [name, value]) =>
      sum + [name, ...Object.values(value).map(String)].reduce((bytes, text) => bytes + Buffer.byteLength(text), 0),
    Buffer.byteLength(message),
  );

const checkSize = (input: PublishInput): void => {
  if (input.message === '') throw invalid('Empty message');
  if (bytesOf(input) > MAX_MESSAGE_BYTES) throw invalid('Message too long');
  if (input.subject !== undefined && (input.subject === '' || input.subject.length > MAX_SUBJECT_CHARACTERS))
    throw invalid('Subject');
};

/** What a FIFO topic wants to know. */
const fifoFields = ({ attributes }: Topic, input: PublishInput): { groupId: string; deduplicationId: string } => {
  if (input.groupId === undefined || input.groupId === '')
    throw invalid('The MessageGroupId parameter is required for FIFO topics');
  if (input.deduplicationId !== undefined) return { groupId: input.groupId, deduplicationId: input.deduplicationId };
  if (attributes['ContentBasedDeduplication'] !== 'true')
    throw invalid(
      'The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly',
    );
  return { groupId: input.groupId, deduplicationId: createHash('sha256').update(input.message).digest('hex') };
};

/** Makes messages of what is published. */
export interface Publisher {
  /**
   * @returns What is to be delivered; `isDuplicate` when a FIFO topic had it within five minutes, and the message
   * then was the one with this id.
   * @throws {@link Refused} when SNS would refuse it.
   */
  accept(topic: Topic, input: PublishInput): { readonly published: Published; readonly isDuplicate: boolean };
}

export const snsPublisher = (options: { readonly clock: Clock; readonly random: Random }): Publisher => {
  const { clock, random } = options;
  const seen = new Map<
    string,
    { readonly messageId: string; readonly sequenceNumber: string; readonly atMs: number }
  >();
  let sequence = FIRST_SEQUENCE;

  const remembered = (key: string, messageId: string) => {
    const nowMs = clock.nowMs();
    for (const [old, { atMs }] of seen) {
      if (nowMs - atMs <= DEDUPLICATION_MS && seen.size <= MAX_REMEMBERED) break;
      seen.delete(old);
    }
    const earlier = seen.get(key);
    if (earlier !== undefined) return { ...earlier, isDuplicate: true };
    sequence += SEQUENCE_STEP;
    const first = { messageId, sequenceNumber: String(sequence), atMs: nowMs };
    seen.set(key, first);
    return { ...first, isDuplicate: false };
  };

  return Object.freeze({
    accept: (topic: Topic, input: PublishInput) => {
      checkSize(input);
      const texts = input.structure === 'json' ? textsOf(input.message) : undefined;
      const body = texts?.get('default') ?? input.message;
      const attributes = Object.entries(input.attributes).map(
        ([name, value]) => [name, attributeOf(name, value)] as const,
      );
      const fifo = topic.attributes['FifoTopic'] === 'true' ? fifoFields(topic, input) : undefined;
      const messageId = random.uuid();
      const record = fifo === undefined ? undefined : remembered(`${topic.arn} ${fifo.deduplicationId}`, messageId);
      const published: Published = {
        message: {
          messageId: record?.messageId ?? messageId,
          topicArn: topic.arn,
          ...(input.subject === undefined ? {} : { subject: input.subject }),
          body,
          attributes: Object.fromEntries(attributes),
          publishedAtMs: clock.nowMs(),
          ...(record === undefined ? {} : { sequenceNumber: record.sequenceNumber }),
        },
        attributes: input.attributes,
        ...fifo,
        bodyFor: (protocol) => texts?.get(protocol) ?? body,
      };
      return { published, isDuplicate: record?.isDuplicate === true };
    },
  });
};

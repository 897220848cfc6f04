import type { PutEntry } from './bus.ts';
import { isJsonObject, jsonOf, patientCaller, type Answer, type Backend } from './call.ts';

/** An attribute of a message, in the words of SQS and SNS. */
export interface LetterAttribute {
  readonly DataType: string;
  readonly StringValue?: string;
  readonly BinaryValue?: string;
}

/** What a service of AWS sends on behalf of a user. */
export interface Letter {
  readonly body: string;
  readonly attributes?: Readonly<Record<string, LetterAttribute>>;
  /** Topics only. */
  readonly subject?: string;
  readonly groupId?: string;
  readonly deduplicationId?: string;
}

/** A letter that was not taken: it will not be either when it is sent again. */
class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
}

/** Sends to queues, topics and buses by ARN, as the services do among themselves: no faults, and not counted as calls. */
export interface Letters {
  /** @throws {@link DeliveryError} when there is no such queue, or it refuses the message. */
  toQueue(arn: string, letter: Letter): Promise<void>;
  /** @throws {@link DeliveryError} when there is no such topic, or it refuses the message. */
  toTopic(arn: string, letter: Letter): Promise<void>;
  /** @throws {@link DeliveryError} when the bus refuses the event. */
  toBus(entry: PutEntry): Promise<void>;
  hasQueue(arn: string): Promise<boolean>;
  hasTopic(arn: string): Promise<boolean>;
}

const nameOf = (arn: string): string => arn.slice(arn.lastIndexOf(':') + 1);
/** Who asked does not matter here, but a client names itself. */
const FORM = { 'content-type': 'application/x-www-form-urlencoded', host: 'localhost' };

const attributesForm = (attributes: Letter['attributes'] = {}): readonly (readonly [string, string])[] =>
  Object.entries(attributes).flatMap(([name, value], index) => {
    const prefix = `MessageAttributes.entry.${index + 1}`;
    const fields = Object.entries(value).map(([field, text]) => [`${prefix}.Value.${field}`, String(text)] as const);
    return [[`${prefix}.Name`, name] as const, ...fields];
  });

/** @param apply Serves SQS, SNS and EventBridge. */
export const lettersBy = (apply: Backend): Letters => {
  const json = (target: string, body: unknown): Promise<Answer> =>
    apply({
      method: 'POST',
      url: '/',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': target, host: 'localhost' },
      body: Buffer.from(JSON.stringify(body)),
      caller: patientCaller,
    });
  const sqs = (operation: string, body: unknown): Promise<Answer> => json(`AmazonSQS.${operation}`, body);
  const sns = (fields: readonly (readonly [string, string])[]): Promise<Answer> =>
    apply({
      method: 'POST',
      url: '/',
      headers: FORM,
      body: Buffer.from(new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value])).toString()),
      caller: patientCaller,
    });
  const urlOf = async (arn: string): Promise<string | undefined> => {
    if (!arn.startsWith('arn:aws:sqs:')) return undefined;
    const found = jsonOf((await sqs('GetQueueUrl', { QueueName: nameOf(arn) })).body);
    return isJsonObject(found) && typeof found['QueueUrl'] === 'string' ? found['QueueUrl'] : undefined;
  };
  const taken = ({ status, body }: Answer, arn: string): void => {
    if (status !== 200) throw new DeliveryError(`${arn} refused it: ${body.toString().slice(0, 500)}`);
  };

  return Object.freeze({
    toQueue: async (arn: string, letter: Letter) => {
      const QueueUrl = await urlOf(arn);
      if (QueueUrl === undefined) throw new DeliveryError(`There is no queue ${arn}.`);
      const answer = await sqs('SendMessage', {
        QueueUrl,
        MessageBody: letter.body,
        MessageAttributes: letter.attributes,
        MessageGroupId: letter.groupId,
        MessageDeduplicationId: letter.deduplicationId,
      });
      taken(answer, arn);
    },
    toTopic: async (arn: string, { body, subject, attributes }: Letter) => {
      const fields = [
        ['Action', 'Publish'],
        ['TopicArn', arn],
        ['Message', body],
      ] as const;
      const named = subject === undefined ? [] : [['Subject', subject] as const];
      taken(await sns([...fields, ...named, ...attributesForm(attributes)]), arn);
    },
    toBus: async (entry: PutEntry) => {
      const answer = await json('AWSEvents.PutEvents', { Entries: [entry] });
      taken(answer, entry.EventBusName ?? 'The default bus');
      const body = jsonOf(answer.body);
      if (isJsonObject(body) && body['FailedEntryCount'] !== 0)
        throw new DeliveryError(`${entry.EventBusName ?? 'The default bus'} refused it: ${answer.body.toString()}`);
    },
    hasQueue: async (arn: string) => (await urlOf(arn)) !== undefined,
    hasTopic: async (arn: string) => {
      const answer = await sns([
        ['Action', 'GetTopicAttributes'],
        ['TopicArn', arn],
      ]);
      return answer.status === 200;
    },
  });
};

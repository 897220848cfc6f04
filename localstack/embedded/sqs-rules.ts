import * as v from 'valibot';
import { errorAnswer } from './answers.ts';
import { isJsonObject, jsonOf, patientCaller, withBody, type Answer, type Backend, type Call } from './call.ts';
import { isExpiredReceipt } from './fifo-mends.ts';
import { refuseEntries, type Refusal } from './partial.ts';

/** The limits of a message that fauxqs does not hold. @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
const MAX_ATTRIBUTES = 10;
const MAX_DELAY_S = 900;
const MAX_GROUP_ID_CHARS = 128;
const ENTRY_ID = /^[\w-]{1,80}$/;
const ATTRIBUTE_NAME = /^(?!\.)(?!.*\.\.)[\w.-]{1,256}(?<!\.)$/;
const RESERVED_NAME = /^(aws|amazon)\./i;
const DATA_TYPE = /^(String|Number|Binary)(\..{1,249})?$/s;
const ID_CHARS = /^[\x21-\x7e]+$/;
const QUEUE_NAME = /^[\w-]{1,80}$/;
const RECEIPT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const MAX_RECEIVES = 1_000;

const text = v.optional(v.string());
const whole = v.optional(v.pipe(v.number(), v.integer()));
const attributeSchema = v.looseObject({ DataType: v.string(), StringValue: text, BinaryValue: text });
const messageFields = {
  MessageBody: text,
  DelaySeconds: whole,
  MessageGroupId: text,
  MessageDeduplicationId: text,
  MessageAttributes: v.optional(v.record(v.string(), attributeSchema)),
  ReceiptHandle: text,
  VisibilityTimeout: whole,
};
/** What every operation may hold: fauxqs takes the types for granted. */
const requestSchema = v.looseObject({
  ...messageFields,
  QueueUrl: text,
  QueueName: text,
  QueueNamePrefix: text,
  QueueOwnerAWSAccountId: text,
  NextToken: text,
  MaxResults: whole,
  MaxNumberOfMessages: whole,
  WaitTimeSeconds: whole,
  Attributes: v.optional(v.record(v.string(), v.string())),
  tags: v.optional(v.record(v.string(), v.string())),
  Tags: v.optional(v.record(v.string(), v.string())),
  TagKeys: v.optional(v.array(v.string())),
  AttributeNames: v.optional(v.array(v.string())),
  MessageAttributeNames: v.optional(v.array(v.string())),
  MessageSystemAttributeNames: v.optional(v.array(v.string())),
  Entries: v.optional(v.array(v.looseObject({ ...messageFields, Id: v.string() }))),
});
type Request = v.InferOutput<typeof requestSchema>;
type Message = Pick<
  Request,
  'MessageBody' | 'DelaySeconds' | 'MessageGroupId' | 'MessageDeduplicationId' | 'MessageAttributes'
>;

const policySchema = v.looseObject({
  deadLetterTargetArn: v.string(),
  maxReceiveCount: v.pipe(
    v.union([v.number(), v.string()]),
    v.transform(Number),
    v.integer(),
    v.minValue(1),
    v.maxValue(MAX_RECEIVES),
  ),
});

const refusal = (code: string, message: string): Refusal => ({ SenderFault: true, Code: code, Message: message });
const invalid = (message: string): Refusal => refusal('InvalidParameterValue', message);

const attributeProblem = (name: string, attribute: v.InferOutput<typeof attributeSchema>): Refusal | undefined => {
  if (!ATTRIBUTE_NAME.test(name) || RESERVED_NAME.test(name))
    return invalid(
      'Message (user) attribute name can only contain alphanumeric characters, hyphens, underscores and periods, must not start with AWS. or Amazon., and can have up to 256 characters.',
    );
  if (!DATA_TYPE.test(attribute.DataType))
    return invalid(
      `The type of message (user) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
    );
  const value = attribute.DataType.startsWith('Binary') ? attribute.BinaryValue : attribute.StringValue;
  if (value === undefined || value === '')
    return invalid(
      `The message (user) attribute '${name}' must contain a non-empty value of type '${attribute.DataType}'.`,
    );
  if (attribute.DataType.startsWith('Number') && (value.trim() === '' || !Number.isFinite(Number(value))))
    return invalid(`Can't cast the value of message (user) attribute '${name}' to a number.`);
  return undefined;
};

const messageProblem = (message: Message): Refusal | undefined => {
  if (message.MessageBody === undefined || message.MessageBody === '')
    return refusal('MissingParameter', 'The request must contain the parameter MessageBody.');
  const { DelaySeconds: delay, MessageAttributes: attributes = {} } = message;
  if (delay !== undefined && (delay < 0 || delay > MAX_DELAY_S))
    return invalid(
      `Value ${delay} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= ${MAX_DELAY_S}.`,
    );
  for (const name of ['MessageGroupId', 'MessageDeduplicationId'] as const) {
    const id = message[name];
    if (id !== undefined && (id.length > MAX_GROUP_ID_CHARS || !ID_CHARS.test(id)))
      return invalid(
        `Value ${id.slice(0, MAX_GROUP_ID_CHARS)} for parameter ${name} is invalid. Reason: ${name} can only include alphanumeric and punctuation characters. 1 to ${MAX_GROUP_ID_CHARS} in length.`,
      );
  }
  const named = Object.entries(attributes);
  if (named.length > MAX_ATTRIBUTES)
    return invalid(`Number of message attributes [${named.length}] exceeds the allowed maximum [${MAX_ATTRIBUTES}].`);
  for (const [name, attribute] of named) {
    const problem = attributeProblem(name, attribute);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** A receipt of another shape was never given out. */
const receiptProblem = ({ ReceiptHandle: receipt }: Pick<Request, 'ReceiptHandle'>): Refusal | undefined => {
  if (receipt === undefined || receipt === '')
    return refusal('MissingParameter', 'The request must contain the parameter ReceiptHandle.');
  if (RECEIPT.test(receipt)) return undefined;
  return refusal('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.');
};

const policyProblem = async (
  queue: { readonly isFifo: boolean; readonly policy: string },
  exists: (name: string) => Promise<boolean>,
): Promise<Refusal | undefined> => {
  const problem = (reason: string): Refusal =>
    invalid(`Value ${queue.policy} for parameter RedrivePolicy is invalid. Reason: ${reason}`);
  const json = jsonOf(queue.policy);
  if (!isJsonObject(json)) return problem('Redrive policy is not a valid JSON map.');
  const parsed = v.safeParse(policySchema, json);
  if (!parsed.success)
    return problem(`Redrive policy must contain deadLetterTargetArn, and maxReceiveCount from 1 to ${MAX_RECEIVES}.`);
  const target = parsed.output.deadLetterTargetArn.split(':').at(-1) ?? '';
  if (target.endsWith('.fifo') !== queue.isFifo)
    return problem('Dead-letter queue must be same type of queue as the source.');
  if (!(await exists(target))) return problem('Dead letter target does not exist.');
  return undefined;
};

const queueProblem = async (name: string, request: Request, exists: (name: string) => Promise<boolean>) => {
  const queue = request.QueueName ?? request.QueueUrl?.split('/').at(-1) ?? '';
  if (name === 'CreateQueue' && !QUEUE_NAME.test(queue.replace(/\.fifo$/, '')) && queue !== '')
    return invalid('Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length');
  if (name === 'CreateQueue' && queue.length > 80)
    return invalid('Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length');
  const policy = request.Attributes?.['RedrivePolicy'];
  if (policy === undefined || policy === '') return undefined;
  return policyProblem({ isFifo: queue.endsWith('.fifo'), policy }, exists);
};

const refused = ({ Code, Message }: Refusal): Answer =>
  errorAnswer('sqs', { status: 400, code: Code, message: Message });

type EntryRule = (entry: NonNullable<Request['Entries']>[number]) => Refusal | undefined;
const deleteProblem: EntryRule = (entry) => {
  const problem = receiptProblem(entry);
  if (problem !== undefined || !isExpiredReceipt(entry.ReceiptHandle ?? '')) return problem;
  return invalid(
    `Value ${entry.ReceiptHandle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
  );
};

/** What is asked of each entry of a batch, and of the single call of the same kind. */
const RULES: Readonly<Record<string, EntryRule>> = Object.freeze({
  SendMessage: messageProblem,
  DeleteMessage: deleteProblem,
  ChangeMessageVisibility: receiptProblem,
});

const applyBatch = (call: Call, backend: Backend, request: Request, rule: EntryRule): Promise<Answer> => {
  const entries = request.Entries ?? [];
  // What is wrong with the batch as a whole, fauxqs finds.
  if (entries.length === 0 || entries.length > 10 || new Set(entries.map(({ Id }) => Id)).size < entries.length)
    return backend(call);
  if (!entries.every(({ Id }) => ENTRY_ID.test(Id)))
    return Promise.resolve(
      refused(
        refusal(
          'InvalidBatchEntryId',
          'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
        ),
      ),
    );
  const refusals = new Map<number, Refusal>();
  for (const [index, entry] of entries.entries()) {
    const problem = rule(entry);
    if (problem !== undefined) refusals.set(index, problem);
  }
  return refusals.size === 0 ? backend(call) : refuseEntries(call, backend, refusals);
};

const targeted = (call: Call, operation: string, body: unknown): Call => ({
  ...withBody(call, body),
  headers: { ...call.headers, 'x-amz-target': `AmazonSQS.${operation}` },
  caller: patientCaller,
});

/**
 * Refuses what SQS refuses and fauxqs accepts or stumbles over, in the words of SQS: wrong types, more than ten
 * attributes, bad names, delays, receipts and ids; a dead-letter queue that is missing or of the other type. Entries
 * of a batch are refused one by one, the rest of the batch is applied.
 */
export const withSqsRules = async (name: string, call: Call, backend: Backend): Promise<Answer> => {
  const json = jsonOf(call.body);
  // An array is an object to valibot.
  const parsed = v.safeParse(requestSchema, isJsonObject(json) ? json : undefined);
  if (!parsed.success) {
    const path = parsed.issues[0].path?.map(({ key }) => String(key)).join('.');
    const what =
      path === undefined ? 'a JSON object' : `'${path}' to be ${parsed.issues[0].expected ?? 'of another type'}`;
    return errorAnswer('sqs', { status: 400, code: 'SerializationException', message: `Expected ${what}.` });
  }
  const request = parsed.output;
  const rule = RULES[name.replace(/Batch$/, '')];
  if (rule !== undefined && name.endsWith('Batch')) return applyBatch(call, backend, request, rule);
  const problem =
    rule === undefined
      ? await queueProblem(name, request, async (queue) => {
          const answer = await backend(targeted(call, 'GetQueueUrl', { QueueName: queue }));
          return answer.status === 200;
        })
      : rule({ ...request, Id: '' });
  return problem === undefined ? backend(call) : refused(problem);
};

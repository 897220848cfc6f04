import { jsonAnswer } from './answers.ts';
import {
  isJsonObject,
  jsonOf,
  withBody,
  type Answer,
  type Backend,
  type Call,
  type JsonObject,
  type Operation,
} from './call.ts';

const BATCHES: Readonly<Record<string, true>> = Object.freeze({
  'sqs.SendMessageBatch': true,
  'sqs.DeleteMessageBatch': true,
  'sqs.ChangeMessageVisibilityBatch': true,
  'dynamodb.BatchWriteItem': true,
  'events.PutEvents': true,
});

/** Whether a call of the operation can fail in part. */
export const isBatch = ({ service, name }: Operation): boolean => BATCHES[`${service}.${name}`] === true;

/** Half of the indexes, at least one, by chance. */
const chosen = (count: number, chance: () => number): ReadonlySet<number> => {
  const left = Array.from({ length: count }, (_, index) => index);
  const picked = new Set<number>();
  while (picked.size < Math.ceil(count / 2)) {
    const [index = 0] = left.splice(Math.floor(chance() * left.length), 1);
    picked.add(index);
  }
  return picked;
};

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const objectOf = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/** One entry of a batch of SQS that was not applied. */
export interface Refusal {
  readonly SenderFault: boolean;
  readonly Code: string;
  readonly Message: string;
}

/** Applies the entries of a batch of SQS that are not refused; the answer reports both kinds, as SQS does. */
export const refuseEntries = async (
  call: Call,
  backend: Backend,
  refusals: ReadonlyMap<number, Refusal>,
): Promise<Answer> => {
  const body = objectOf(jsonOf(call.body));
  const entries = listOf(body['Entries']);
  const failed = entries.flatMap((entry, index) => {
    const refusal = refusals.get(index);
    return refusal === undefined ? [] : [{ Id: objectOf(entry)['Id'], ...refusal }];
  });
  const rest = entries.filter((_, index) => !refusals.has(index));
  if (rest.length === 0) return jsonAnswer('sqs', 200, { Successful: [], Failed: failed });
  const answer = await backend(withBody(call, { ...body, Entries: rest }));
  if (answer.status !== 200) return answer;
  const applied = objectOf(jsonOf(answer.body));
  return jsonAnswer('sqs', 200, {
    Successful: listOf(applied['Successful']),
    Failed: [...listOf(applied['Failed']), ...failed],
  });
};

const partialWrites = async (call: Call, backend: Backend, chance: () => number): Promise<Answer> => {
  const body = objectOf(jsonOf(call.body));
  const writes = Object.entries(objectOf(body['RequestItems'])).flatMap(([table, requests]) =>
    listOf(requests).map((request) => ({ table, request })),
  );
  const picked = chosen(writes.length, chance);
  const grouped = (wanted: boolean): Record<string, unknown[]> => {
    const tables: Record<string, unknown[]> = {};
    for (const [index, { table, request }] of writes.entries())
      if (picked.has(index) === wanted) (tables[table] ??= []).push(request);
    return tables;
  };
  const applied = grouped(false);
  if (Object.keys(applied).length === 0) return jsonAnswer('dynamodb', 200, { UnprocessedItems: grouped(true) });
  const answer = await backend(withBody(call, { ...body, RequestItems: applied }));
  if (answer.status !== 200) return answer;
  return jsonAnswer('dynamodb', 200, { ...objectOf(jsonOf(answer.body)), UnprocessedItems: grouped(true) });
};

const partialEvents = async (call: Call, backend: Backend, chance: () => number): Promise<Answer> => {
  const body = objectOf(jsonOf(call.body));
  const entries = listOf(body['Entries']);
  const picked = chosen(entries.length, chance);
  const rest = entries.filter((_, index) => !picked.has(index));
  const answer = rest.length === 0 ? undefined : await backend(withBody(call, { ...body, Entries: rest }));
  if (answer !== undefined && answer.status !== 200) return answer;
  const applied = [...listOf(objectOf(answer === undefined ? {} : jsonOf(answer.body))['Entries'])];
  const all = entries.map((_, index) =>
    picked.has(index) ? { ErrorCode: 'InternalFailure', ErrorMessage: 'Fault switch: partial' } : applied.shift(),
  );
  const failedCount = all.filter((entry) => objectOf(entry)['ErrorCode'] !== undefined).length;
  return jsonAnswer('events', 200, { FailedEntryCount: failedCount, Entries: all });
};

/** Applies half of a batch and reports the other half as failed, in the way of the operation. */
export const applyPartly = (
  operation: Operation,
  call: Call,
  backend: Backend,
  chance: () => number,
): Promise<Answer> => {
  if (operation.service === 'dynamodb') return partialWrites(call, backend, chance);
  if (operation.service === 'events') return partialEvents(call, backend, chance);
  const count = listOf(objectOf(jsonOf(call.body))['Entries']).length;
  const refusal = { SenderFault: false, Code: 'InternalError', Message: 'Fault switch: partial' };
  const refusals = new Map([...chosen(count, chance)].map((index) => [index, refusal] as const));
  return refuseEntries(call, backend, refusals);
};

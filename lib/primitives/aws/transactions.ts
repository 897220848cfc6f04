import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';

import { InvalidArgumentError, PatternError, UnavailableError } from '../errors.ts';
import type { TransactionOutcome, Write } from '../table.ts';
import { fieldsFrom, keyAttributes, toAttributes, ttlAttribute, type Attributes } from './attributes.ts';
import { changesInput, conditionInput } from './expressions.ts';

const ON_REFUSAL = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const;

const itemOf = (put: Extract<Write, { kind: 'put' }>): Attributes => ({
  ...toAttributes(put.fields),
  ...keyAttributes(put.key),
  ...(put.expiresAtMs === undefined ? {} : { ttl: ttlAttribute(put.expiresAtMs) }),
});

/** What one write is called with, alone or in a transaction. */
export const putInput = (TableName: string, put: Extract<Write, { kind: 'put' }>) => ({
  TableName,
  Item: itemOf(put),
  ...conditionInput(put.condition),
  ...ON_REFUSAL,
});

export const updateInput = (TableName: string, update: Extract<Write, { kind: 'update' }>) => ({
  TableName,
  Key: keyAttributes(update.key),
  ...changesInput(update),
  ...ON_REFUSAL,
});

export const deleteInput = (TableName: string, del: Extract<Write, { kind: 'delete' }>) => ({
  TableName,
  Key: keyAttributes(del.key),
  ...conditionInput(del.condition),
  ...ON_REFUSAL,
});

export const transactItem = (TableName: string, write: Write): TransactWriteItem => {
  switch (write.kind) {
    case 'put':
      return { Put: putInput(TableName, write) };
    case 'update':
      return { Update: updateInput(TableName, write) };
    case 'delete':
      return { Delete: deleteInput(TableName, write) };
    case 'check': {
      const { ConditionExpression = '', ...names } = conditionInput(write.condition);
      return {
        ConditionCheck: { TableName, Key: keyAttributes(write.key), ConditionExpression, ...names, ...ON_REFUSAL },
      };
    }
  }
};

const isConflict = ({ Code }: CancellationReason): boolean => Code === 'TransactionConflict';

/**
 * What a cancelled transaction means. Its reasons come in the order of the writes.
 *
 * @throws {@link InvalidArgumentError} when a write itself is at fault, {@link UnavailableError} when it was throttled.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html (Errors)
 */
export const cancelledOutcome = (
  what: string,
  reasons: readonly CancellationReason[],
  cause: unknown,
): Exclude<TransactionOutcome, { status: 'written' }> => {
  if (reasons.some(isConflict)) return Object.freeze({ status: 'conflict' });
  const other = reasons.find(({ Code = 'None' }) => !['None', 'ConditionalCheckFailed'].includes(Code));
  if (other?.Code === 'ThrottlingError' || other?.Code === 'ProvisionedThroughputExceeded') {
    throw new UnavailableError(what, cause);
  }
  if (other !== undefined) throw new InvalidArgumentError(`${what}: ${other.Code}: ${other.Message ?? ''}`);
  const refusals = reasons.map(({ Code, Item }) =>
    Code === 'ConditionalCheckFailed'
      ? Object.freeze({ current: Item === undefined ? undefined : fieldsFrom(Item) })
      : undefined,
  );
  if (refusals.every((refusal) => refusal === undefined)) {
    throw new PatternError('primitives/refused', `${what}: cancelled without a reason`, { cause });
  }
  return Object.freeze({ status: 'refused', refusals: Object.freeze(refusals) });
};

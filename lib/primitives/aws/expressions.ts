import type { Condition, Update } from '../table.ts';
import { conditionExpression, updateExpression } from '../table-expressions.ts';
import { toAttribute } from './attributes.ts';

/** Only what is there: DynamoDB refuses empty texts and maps. */
const inputOf = ({ condition, names, values }: ReturnType<typeof conditionExpression>) => ({
  ...(condition === undefined ? {} : { ConditionExpression: condition }),
  ...(names.length === 0
    ? {}
    : { ExpressionAttributeNames: Object.fromEntries(names.map((name, at) => [`#${at}`, name])) }),
  ...(values.length === 0
    ? {}
    : { ExpressionAttributeValues: Object.fromEntries(values.map((value, at) => [`:${at}`, toAttribute(value)])) }),
});

/** The condition of a put, delete or check, with its names and values. */
export const conditionInput = (condition: Condition | undefined) => inputOf(conditionExpression(condition));

/** The changes and the condition of an update, with their names and values. */
export const changesInput = (update: Update) => {
  const { update: UpdateExpression, ...rest } = updateExpression(update);
  return { UpdateExpression, ...inputOf(rest) };
};

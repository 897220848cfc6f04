import type { AttributeValue } from '@aws-sdk/client-dynamodb';

import type { Condition, Update } from '../table.ts';
import { toAttribute, ttlAttribute, type Attributes } from './attributes.ts';

/** Gives names and values their placeholders: every name is one, so no name is ever a reserved word. */
const placeholders = () => {
  const names = new Map<string, string>();
  const values: Attributes = {};
  let valueCount = 0;
  return {
    name: (name: string): string => {
      const placeholder = names.get(name) ?? `#${names.size}`;
      names.set(name, placeholder);
      return placeholder;
    },
    value: (value: AttributeValue): string => {
      const placeholder = `:${valueCount}`;
      valueCount += 1;
      values[placeholder] = value;
      return placeholder;
    },
    /** Only what is there: DynamoDB refuses empty maps. */
    used: () => ({
      ...(names.size === 0
        ? {}
        : {
            ExpressionAttributeNames: Object.fromEntries([...names].map(([name, placeholder]) => [placeholder, name])),
          }),
      ...(valueCount === 0 ? {} : { ExpressionAttributeValues: values }),
    }),
  };
};

type Placeholders = ReturnType<typeof placeholders>;

/** `and` and `or` of one condition are that condition. */
const simplified = (condition: Condition): Condition => {
  const isList = condition.kind === 'and' || condition.kind === 'or';
  const [first] = isList ? condition.conditions : [];
  return isList && condition.conditions.length === 1 && first !== undefined ? simplified(first) : condition;
};

/** Compound parts are put into parentheses, once: DynamoDB refuses redundant ones. */
const nested = (condition: Condition, use: Placeholders): string => {
  const part = simplified(condition);
  const text = conditionText(part, use);
  return part.kind === 'and' || part.kind === 'or' || part.kind === 'not' ? `(${text})` : text;
};

const conditionText = (condition: Condition, use: Placeholders): string => {
  const part = simplified(condition);
  switch (part.kind) {
    case 'absent':
      return `attribute_not_exists(${use.name(part.field ?? 'pk')})`;
    case 'equals':
      return `${use.name(part.field)} = ${use.value(toAttribute(part.value))}`;
    case 'lessThan':
      return `${use.name(part.field)} < ${use.value(toAttribute(part.value))}`;
    case 'atMost':
      return `${use.name(part.field)} <= ${use.value(toAttribute(part.value))}`;
    case 'not':
      return `NOT ${nested(part.condition, use)}`;
    case 'and':
    case 'or':
      return part.conditions.map((one) => nested(one, use)).join(part.kind === 'and' ? ' AND ' : ' OR ');
  }
};

const conditionWith = (condition: Condition | undefined, use: Placeholders) =>
  condition === undefined ? {} : { ConditionExpression: conditionText(condition, use) };

/** The condition of a put, delete or check, with its names and values. */
export const conditionExpression = (condition: Condition | undefined) => {
  const use = placeholders();
  return { ...conditionWith(condition, use), ...use.used() };
};

/** The changes and the condition of an update, with their names and values. */
export const updateExpression = (update: Update) => {
  const { set = {}, remove = [], union = {}, expiresAtMs } = update;
  const use = placeholders();
  const sets = Object.entries(set).map(([name, value]) => `${use.name(name)} = ${use.value(toAttribute(value))}`);
  if (expiresAtMs !== undefined) sets.push(`${use.name('ttl')} = ${use.value(ttlAttribute(expiresAtMs))}`);
  const removes = [...new Set(remove)].map((name) => use.name(name));
  const adds = Object.entries(union)
    .filter(([, members]) => members.length > 0)
    .map(([name, members]) => `${use.name(name)} ${use.value({ SS: [...new Set(members)] })}`);
  const clauses = [
    ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
    ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(', ')}`]),
    ...(adds.length === 0 ? [] : [`ADD ${adds.join(', ')}`]),
  ];
  return {
    UpdateExpression: clauses.join(' '),
    ...conditionWith(update.condition, use),
    ...use.used(),
  };
};

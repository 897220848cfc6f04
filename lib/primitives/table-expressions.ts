import type { Condition, FieldValue, Update } from './table.ts';

/*
 * Conditions and updates in the language of DynamoDB: every backend measures them, the AWS backend sends them.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
 */

/** What the placeholders of an expression stand for: `#0`, `#1`, … the names, `:0`, `:1`, … the values. */
interface Placeholders {
  readonly names: readonly string[];
  readonly values: readonly FieldValue[];
}

/** Gives names and values their placeholders: every name is one, so no name is ever a reserved word. */
const placeholders = () => {
  const names = new Map<string, string>();
  const values: FieldValue[] = [];
  return {
    name: (name: string): string => {
      const placeholder = names.get(name) ?? `#${names.size}`;
      names.set(name, placeholder);
      return placeholder;
    },
    value: (value: FieldValue): string => `:${values.push(value) - 1}`,
    used: (): Placeholders => ({ names: [...names.keys()], values }),
  };
};

type Use = ReturnType<typeof placeholders>;

/** `and` and `or` of one condition are that condition. */
const simplified = (condition: Condition): Condition => {
  const isList = condition.kind === 'and' || condition.kind === 'or';
  const [first] = isList ? condition.conditions : [];
  return isList && condition.conditions.length === 1 && first !== undefined ? simplified(first) : condition;
};

/** Compound parts are put into parentheses, once: DynamoDB refuses redundant ones. */
const nested = (condition: Condition, use: Use): string => {
  const part = simplified(condition);
  const text = conditionText(part, use);
  return part.kind === 'and' || part.kind === 'or' || part.kind === 'not' ? `(${text})` : text;
};

const conditionText = (condition: Condition, use: Use): string => {
  const part = simplified(condition);
  switch (part.kind) {
    case 'absent':
      return `attribute_not_exists(${use.name(part.field ?? 'pk')})`;
    case 'equals':
      return `${use.name(part.field)} = ${use.value(part.value)}`;
    case 'lessThan':
      return `${use.name(part.field)} < ${use.value(part.value)}`;
    case 'atMost':
      return `${use.name(part.field)} <= ${use.value(part.value)}`;
    case 'not':
      return `NOT ${nested(part.condition, use)}`;
    case 'and':
    case 'or':
      return part.conditions.map((one) => nested(one, use)).join(part.kind === 'and' ? ' AND ' : ' OR ');
  }
};

/** The condition of a put, delete or check; without one there is nothing in it. */
export const conditionExpression = (
  condition: Condition | undefined,
): { readonly condition?: string } & Placeholders => {
  const use = placeholders();
  const text = condition === undefined ? {} : { condition: conditionText(condition, use) };
  return { ...text, ...use.used() };
};

/** DynamoDB's time to live is in seconds; a part of one is a whole one, so that nothing expires too early. */
export const ttlSeconds = (expiresAtMs: number): number => Math.ceil(expiresAtMs / 1000);

/** The changes and the condition of an update: they have their placeholders together, those of the changes first. */
export const updateExpression = (
  update: Update,
): { readonly update: string; readonly condition?: string } & Placeholders => {
  const { set = {}, remove = [], union = {}, expiresAtMs } = update;
  const use = placeholders();
  const sets = Object.entries(set).map(([name, value]) => `${use.name(name)} = ${use.value(value)}`);
  if (expiresAtMs !== undefined) sets.push(`${use.name('ttl')} = ${use.value(ttlSeconds(expiresAtMs))}`);
  const removes = [...new Set(remove)].map((name) => use.name(name));
  const adds = Object.entries(union)
    .filter(([, members]) => members.length > 0)
    .map(([name, members]) => `${use.name(name)} ${use.value(new Set(members))}`);
  const clauses = [
    ...(sets.length === 0 ? [] : [`SET ${sets.join(', ')}`]),
    ...(removes.length === 0 ? [] : [`REMOVE ${removes.join(', ')}`]),
    ...(adds.length === 0 ? [] : [`ADD ${adds.join(', ')}`]),
  ];
  const condition = update.condition === undefined ? {} : { condition: conditionText(update.condition, use) };
  return { update: clauses.join(' '), ...condition, ...use.used() };
};

import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { isList, isObject, type JsonObject } from './template.ts';

/** What the names in a template stand for. Each throws a {@link StackError} for a name that stands for nothing. */
export interface Scope {
  readonly ref: (name: string) => Json;
  readonly attribute: (id: string, name: string) => Json;
  readonly condition: (name: string) => boolean;
}

/** `undefined` is `AWS::NoValue`: the property, or the item, is not there. */
type Value = Json | undefined;

interface Evaluation {
  readonly scope: Scope;
  /** The path to the value, for errors. */
  readonly where: string;
}

const NO_VALUE = 'AWS::NoValue';

/** `${Name}`, `${Id.Attribute}` and the escape `${!Literal}` in the text of a `Fn::Sub`. */
export const SUBSTITUTION = /\$\{(!?)([^}]+)\}/g;

const fail = (where: string, expected: string, given: unknown): never => {
  throw new StackError(`${where}: expected ${expected}, got ${JSON.stringify(given)}.`);
};

const textOf = (value: Value, where: string): string => {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return fail(where, 'a text', value);
};

const listOf = (value: Value, where: string, count?: number): readonly Json[] =>
  isList(value) && (count === undefined || value.length === count)
    ? value
    : fail(where, count === undefined ? 'a list' : `a list of ${count}`, value);

const truthOf = (argument: Json, evaluation: Evaluation): boolean => {
  const value = evaluate(argument, evaluation);
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : fail(evaluation.where, 'a condition', argument);
};

const attributeOf = (dotted: string, { scope, where }: Evaluation): Json => {
  const dot = dotted.indexOf('.');
  if (dot < 1) return fail(where, "'Resource.Attribute'", dotted);
  return scope.attribute(dotted.slice(0, dot), dotted.slice(dot + 1));
};

const substitute = (argument: Json, evaluation: Evaluation): string => {
  const { where, scope } = evaluation;
  const [text, variables] = isList(argument) ? listOf(argument, where, 2) : [argument, {}];
  const own = isObject(variables) ? variables : fail(where, 'an object of variables', variables);
  return textOf(text, where).replace(SUBSTITUTION, (_, escape: string, name: string) => {
    if (escape !== '') return `\${${name}}`;
    const key = name.trim();
    if (Object.hasOwn(own, key)) return textOf(evaluate(own[key] ?? null, evaluation), `${where}.${key}`);
    return textOf(key.includes('.') ? attributeOf(key, evaluation) : scope.ref(key), where);
  });
};

const select = (argument: Json, evaluation: Evaluation): Json => {
  const [index, list] = listOf(argument, evaluation.where, 2);
  const items = listOf(evaluate(list ?? null, evaluation), evaluation.where);
  const position = Number(evaluate(index ?? null, evaluation));
  return items[position] ?? fail(evaluation.where, `an index from 0 to ${items.length - 1}`, index);
};

const choose = (argument: Json, evaluation: Evaluation): Value => {
  const [name, whenTrue = null, whenFalse = null] = listOf(argument, evaluation.where, 3);
  return evaluate(evaluation.scope.condition(textOf(name, evaluation.where)) ? whenTrue : whenFalse, evaluation);
};

const texts = (argument: Json | undefined, evaluation: Evaluation): readonly string[] =>
  listOf(evaluate(argument ?? null, evaluation), evaluation.where).map((item) => textOf(item, evaluation.where));

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html */
const FUNCTIONS: Readonly<Record<string, (argument: Json, evaluation: Evaluation) => Value>> = {
  Ref: (argument, { scope, where }) => (argument === NO_VALUE ? undefined : scope.ref(textOf(argument, where))),
  Condition: (argument, { scope, where }) => scope.condition(textOf(argument, where)),
  'Fn::GetAtt': (argument, evaluation) => {
    const parts = isList(argument) ? argument : [argument];
    return attributeOf(parts.map((part) => textOf(part, evaluation.where)).join('.'), evaluation);
  },
  'Fn::Sub': substitute,
  'Fn::Join': (argument, evaluation) => {
    const [delimiter, items] = listOf(argument, evaluation.where, 2);
    return texts(items, evaluation).join(textOf(delimiter, evaluation.where));
  },
  'Fn::Select': select,
  'Fn::Split': (argument, evaluation) => {
    const [delimiter, text] = listOf(argument, evaluation.where, 2);
    return textOf(evaluate(text ?? null, evaluation), evaluation.where).split(textOf(delimiter, evaluation.where));
  },
  'Fn::If': choose,
  'Fn::Equals': (argument, evaluation) => {
    const [left = null, right = null] = listOf(argument, evaluation.where, 2);
    return (
      textOf(evaluate(left, evaluation), evaluation.where) === textOf(evaluate(right, evaluation), evaluation.where)
    );
  },
  'Fn::And': (argument, evaluation) => listOf(argument, evaluation.where).every((each) => truthOf(each, evaluation)),
  'Fn::Or': (argument, evaluation) => listOf(argument, evaluation.where).some((each) => truthOf(each, evaluation)),
  'Fn::Not': (argument, evaluation) => !truthOf(listOf(argument, evaluation.where, 1)[0] ?? null, evaluation),
};

/** The name and the argument of an intrinsic function; undefined for any other value. */
export const intrinsicOf = (value: JsonObject): readonly [name: string, argument: Json] | undefined => {
  const [first, ...more] = Object.entries(value);
  if (first === undefined || more.length > 0) return undefined;
  // The statement of a policy has a `Condition` too, an object.
  if (first[0] === 'Condition' && typeof first[1] !== 'string') return undefined;
  return Object.hasOwn(FUNCTIONS, first[0]) || first[0].startsWith('Fn::') ? first : undefined;
};

const evaluateObject = (value: JsonObject, evaluation: Evaluation): JsonObject => {
  const entries = Object.entries(value).flatMap(([key, item]): (readonly [string, Json])[] => {
    const evaluated = evaluate(item, { ...evaluation, where: `${evaluation.where}.${key}` });
    return evaluated === undefined ? [] : [[key, evaluated]];
  });
  return Object.fromEntries(entries);
};

/**
 * The value with its intrinsic functions carried out; undefined when it is `AWS::NoValue`.
 *
 * @param where The path to the value, for errors, e.g. `Resources.items.Properties`.
 * @throws {@link StackError} for a function that is not known, a wrong argument, or a name that stands for nothing.
 */
export const evaluate = (value: Json, evaluation: Evaluation): Value => {
  if (isList(value))
    return value.flatMap((item: Json, index): readonly Json[] => {
      const evaluated = evaluate(item, { ...evaluation, where: `${evaluation.where}[${index}]` });
      return evaluated === undefined ? [] : [evaluated];
    });
  if (!isObject(value)) return value;
  const intrinsic = intrinsicOf(value);
  if (intrinsic === undefined) return evaluateObject(value, evaluation);
  const [name, argument] = intrinsic;
  const run = FUNCTIONS[name];
  if (run === undefined)
    throw new StackError(
      `${evaluation.where}: '${name}' is not known here. Known: ${Object.keys(FUNCTIONS).join(', ')}.`,
    );
  return run(argument, { ...evaluation, where: `${evaluation.where}.${name}` });
};

import { compilePattern, InvalidPatternError } from './pattern.ts';
import type { SnsAttribute, SnsMessage } from './sns-message.ts';

/** What a policy is held against. */
export type SnsFilterScope = 'MessageAttributes' | 'MessageBody';

/** Whether a message is for the subscription. */
export type SnsFilter = (message: Pick<SnsMessage, 'body' | 'attributes'>) => boolean;

/** @see https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html */
const MAX_POLICY_BYTES = 256 * 1024;
const MAX_KEYS = 5;
const MAX_COMBINATIONS = 150;
/** Of a number that is compared, either way of 0: less than an EventBridge pattern takes. */
const NUMERIC_LIMIT = 1e9;

type Fields = { readonly [name: string]: unknown };

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The lists at the leaves of a policy; an alternative of `$or` counts as the keys that it names. */
const leavesOf = (policy: Fields): readonly (readonly unknown[])[] =>
  Object.entries(policy).flatMap(([name, value]) => {
    if (name === '$or' && Array.isArray(value)) return value.filter(isFields).flatMap(leavesOf);
    if (isFields(value)) return leavesOf(value);
    return Array.isArray(value) ? [value] : [];
  });

/** The numbers that an entry of a leaf compares with. */
const boundsOf = (entry: unknown): readonly number[] => {
  const operand = isFields(entry) ? entry['numeric'] : undefined;
  return Array.isArray(operand) ? operand.filter((bound) => typeof bound === 'number') : [];
};

const checkLimits = (text: string, policy: Fields, scope: SnsFilterScope): void => {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_POLICY_BYTES)
    throw new InvalidPatternError('FilterPolicy', `at most ${MAX_POLICY_BYTES} bytes`, bytes);
  const nested = Object.entries(policy).find(([, value]) => isFields(value));
  if (scope === 'MessageAttributes' && nested !== undefined)
    throw new InvalidPatternError(nested[0], 'a list: attributes are not nested', nested[1]);
  const leaves = leavesOf(policy);
  if (leaves.length > MAX_KEYS)
    throw new InvalidPatternError('FilterPolicy', `of at most ${MAX_KEYS} keys`, leaves.length);
  const combinations = leaves.reduce((product, leaf) => product * leaf.length, 1);
  if (combinations > MAX_COMBINATIONS)
    throw new InvalidPatternError('FilterPolicy', `of at most ${MAX_COMBINATIONS} combinations`, combinations);
  const beyond = leaves
    .flat()
    .flatMap(boundsOf)
    .find((bound) => Math.abs(bound) > NUMERIC_LIMIT);
  if (beyond !== undefined) throw new InvalidPatternError('numeric', 'of numbers from -1e9 to 1e9', beyond);
};

/** An attribute as a policy sees it; binary ones it does not see. */
const valueOf = ({ type, value }: SnsAttribute): unknown => {
  if (type === 'String.Array') {
    const list = parsed(value);
    return Array.isArray(list) ? list : undefined;
  }
  if (type.startsWith('Number')) return Number(value);
  return type.startsWith('String') ? value : undefined;
};

/**
 * Compiles the filter policy of a subscription. All keys of the policy must match, one entry of each list is enough;
 * operators are those of {@link compilePattern}. `{}` lets everything through.
 *
 * On attributes: numbers match only `Number`, strings only `String`, lists are `String.Array`, and a message without
 * any attribute matches no policy, not even `exists: false`. On the body: a body that is no JSON object never matches.
 *
 * @throws {@link InvalidPatternError} when SNS would refuse the policy.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
export const compileSnsFilter = (text: string, scope: SnsFilterScope): SnsFilter => {
  const policy = parsed(text);
  if (!isFields(policy)) throw new InvalidPatternError('FilterPolicy', 'a JSON object', text);
  if (Object.keys(policy).length === 0) return () => true;
  checkLimits(text, policy, scope);
  const matches = compilePattern(policy);
  if (scope === 'MessageBody')
    return ({ body }) => {
      const fields = parsed(body);
      return isFields(fields) && matches(fields);
    };
  return ({ attributes }) => {
    const entries = Object.entries(attributes);
    if (entries.length === 0) return false;
    return matches(
      Object.fromEntries(
        entries.flatMap(([name, attribute]) => {
          const value = valueOf(attribute);
          return value === undefined ? [] : [[name, value]];
        }),
      ),
    );
  };
};

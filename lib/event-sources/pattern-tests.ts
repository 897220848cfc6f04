import { BlockList, isIP } from 'node:net';
import { PatternError } from '#primitives/errors';

/** What stands at a leaf of an event. */
export type Leaf = string | number | boolean | null;

/** Whether one value of an event is what the pattern asks for. */
export type LeafTest = (value: Leaf) => boolean;

/** The pattern is not one that EventBridge accepts. The message says where, what is allowed and what was given. */
export class InvalidPatternError extends PatternError {
  constructor(at: string, expected: string, got: unknown) {
    super(
      'event-sources/invalid-pattern',
      `Expected '${at === '' ? 'pattern' : at}' to be ${expected}, got ${show(got)}.`,
    );
  }
}

/** The range of numbers that EventBridge compares. @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html */
const NUMERIC_LIMIT = 5e9;
const SHOWN_CHARACTER_COUNT = 60;

const show = (value: unknown): string => (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN_CHARACTER_COUNT);

const isLeaf = (value: unknown): value is Leaf =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';

/** An object with exactly one own key, as every operator is. */
const onlyEntry = (value: unknown, at: string, expected: string): readonly [string, unknown] => {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  const [entry] = entries;
  if (entry === undefined || entries.length > 1) throw new InvalidPatternError(at, expected, value);
  return entry;
};

const text = (value: unknown, at: string): string => {
  if (typeof value !== 'string') throw new InvalidPatternError(at, 'a string', value);
  return value;
};

const textThat =
  (holds: (value: string) => boolean): LeafTest =>
  (value) =>
    typeof value === 'string' && holds(value);

/** `"x"`, or `{"equals-ignore-case": "x"}`, as prefix and suffix take it. */
const affix = (operand: unknown, at: string, holds: (value: string, affix: string) => boolean): LeafTest => {
  if (typeof operand === 'string') return textThat((value) => holds(value, operand));
  const [name, inner] = onlyEntry(operand, at, 'a string or {"equals-ignore-case": string}');
  if (name !== 'equals-ignore-case')
    throw new InvalidPatternError(at, 'a string or {"equals-ignore-case": string}', operand);
  const folded = text(inner, `${at}.${name}`).toLowerCase();
  return textThat((value) => holds(value.toLowerCase(), folded));
};

const prefix = (operand: unknown, at: string): LeafTest =>
  affix(operand, at, (value, start) => value.startsWith(start));
const suffix = (operand: unknown, at: string): LeafTest => affix(operand, at, (value, end) => value.endsWith(end));

const equalsIgnoreCase = (operand: unknown, at: string): LeafTest => {
  const folded = text(operand, at).toLowerCase();
  return textThat((value) => value.toLowerCase() === folded);
};

/** The literal pieces between the stars; `\*` and `\\` stand for themselves. */
const wildcardPieces = (pattern: string, at: string): readonly string[] => {
  const pieces = [''];
  for (let i = 0; i < pattern.length; i += 1) {
    const character = pattern.charAt(i);
    if (character === '*' && pattern.charAt(i + 1) === '*') {
      throw new InvalidPatternError(at, 'a wildcard without consecutive stars', pattern);
    }
    if (character === '*') {
      pieces.push('');
      continue;
    }
    if (character === '\\') i += 1;
    const literal = pattern.charAt(i);
    if (character === '\\' && literal !== '*' && literal !== '\\') {
      throw new InvalidPatternError(at, 'a wildcard that escapes only * and \\', pattern);
    }
    pieces.push(`${pieces.pop() ?? ''}${literal}`);
  }
  return pieces;
};

/** No RegExp: each piece is searched once, behind the one before it, so time is bounded by pieces × length. */
const wildcard = (operand: unknown, at: string): LeafTest => {
  const pieces = wildcardPieces(text(operand, at), at);
  const first = pieces[0] ?? '';
  const last = pieces.at(-1) ?? '';
  if (pieces.length === 1) return textThat((value) => value === first);
  const middle = pieces.slice(1, -1);
  return textThat((value) => {
    if (!value.startsWith(first)) return false;
    let position = first.length;
    for (const piece of middle) {
      const found = value.indexOf(piece, position);
      if (found < 0) return false;
      position = found + piece.length;
    }
    return value.length - last.length >= position && value.endsWith(last);
  });
};

const number = (value: unknown, at: string): number => {
  if (typeof value === 'number' && Math.abs(value) <= NUMERIC_LIMIT) return value;
  throw new InvalidPatternError(at, 'a number from -5e9 to 5e9', value);
};

const NUMERIC_FORM = '["=", n], one bound, or a lower bound and an upper bound';

/** `["=", 5]`, `[">", 0]`, `["<=", 9]`, `[">=", 0, "<", 5]`. */
const numeric = (operand: unknown, at: string): LeafTest => {
  if (!Array.isArray(operand) || (operand.length !== 2 && operand.length !== 4)) {
    throw new InvalidPatternError(at, NUMERIC_FORM, operand);
  }
  const terms: readonly unknown[] = operand;
  const [operator, lower, upperOperator] = terms;
  const bound = number(lower, `${at}[1]`);
  const numberThat =
    (holds: (value: number) => boolean): LeafTest =>
    (value) =>
      typeof value === 'number' && holds(value);
  const below = (sign: unknown, limit: number): ((value: number) => boolean) | undefined =>
    sign === '<' ? (value) => value < limit : sign === '<=' ? (value) => value <= limit : undefined;
  const above: ((value: number) => boolean) | undefined =
    operator === '>' ? (value) => value > bound : operator === '>=' ? (value) => value >= bound : undefined;
  if (terms.length === 4) {
    const upper = number(terms[3], `${at}[3]`);
    const under = below(upperOperator, upper);
    if (above === undefined || under === undefined || bound >= upper)
      throw new InvalidPatternError(at, NUMERIC_FORM, operand);
    return numberThat((value) => above(value) && under(value));
  }
  const holds = operator === '=' ? (value: number) => value === bound : (above ?? below(operator, bound));
  if (holds === undefined) throw new InvalidPatternError(at, NUMERIC_FORM, operand);
  return numberThat(holds);
};

const FAMILIES = { 4: 'ipv4', 6: 'ipv6' } as const;
const ADDRESS_BITS = { ipv4: 32, ipv6: 128 } as const;

const familyOf = (address: string): 'ipv4' | 'ipv6' | undefined => {
  const version = isIP(address);
  return version === 4 || version === 6 ? FAMILIES[version] : undefined;
};

const cidr = (operand: unknown, at: string): LeafTest => {
  const [address = '', bits = '', ...rest] = text(operand, at).split('/');
  const family = familyOf(address);
  const bitCount = /^\d{1,3}$/u.test(bits) ? Number(bits) : Number.NaN;
  if (family === undefined || rest.length > 0 || !(bitCount <= ADDRESS_BITS[family])) {
    throw new InvalidPatternError(at, 'an address and a mask such as "10.0.0.0/24"', operand);
  }
  const range = new BlockList();
  range.addSubnet(address, bitCount, family);
  return textThat((value) => familyOf(value) === family && range.check(value, family));
};

const exact =
  (literal: Leaf): LeafTest =>
  (value) =>
    value === literal;

/** One operand or a list of them; a list is never empty. */
const each = (operand: unknown, at: string, make: (operand: unknown, at: string) => LeafTest): readonly LeafTest[] => {
  if (!Array.isArray(operand)) return [make(operand, at)];
  if (operand.length === 0) throw new InvalidPatternError(at, 'a list that is not empty', operand);
  return operand.map((entry, index) => make(entry, `${at}[${index}]`));
};

const NEGATABLE: Readonly<Record<string, (operand: unknown, at: string) => LeafTest>> = {
  prefix,
  suffix,
  wildcard,
  'equals-ignore-case': equalsIgnoreCase,
};

/** `"x"`, `5`, lists of strings or of numbers, or `{prefix | suffix | wildcard | equals-ignore-case: …}`. */
const anythingBut = (operand: unknown, at: string): LeafTest => {
  const none =
    (tests: readonly LeafTest[]): LeafTest =>
    (value) =>
      !tests.some((test) => test(value));
  if (typeof operand === 'object' && operand !== null && !Array.isArray(operand)) {
    const [name, inner] = onlyEntry(operand, at, `one of ${Object.keys(NEGATABLE).join(', ')}`);
    const make = Object.hasOwn(NEGATABLE, name) ? NEGATABLE[name] : undefined;
    if (make === undefined) throw new InvalidPatternError(at, `one of ${Object.keys(NEGATABLE).join(', ')}`, operand);
    return none(each(inner, `${at}.${name}`, make));
  }
  const first: unknown = Array.isArray(operand) ? operand[0] : operand;
  return none(
    each(operand, at, (entry, place) => {
      if ((typeof entry === 'string' || typeof entry === 'number') && typeof entry === typeof first)
        return exact(entry);
      throw new InvalidPatternError(place, 'a string or a number, of the same type as its neighbours', entry);
    }),
  );
};

const OPERATORS: Readonly<Record<string, (operand: unknown, at: string) => LeafTest>> = {
  ...NEGATABLE,
  'anything-but': anythingBut,
  numeric,
  cidr,
};

/** What one entry of a leaf's list asks for: a value that passes a test, or that there is no value at all. */
export type CompiledEntry = { readonly kind: 'test'; readonly test: LeafTest } | { readonly kind: 'absent' };

/**
 * Compiles one entry of a leaf's list: a literal or an operator.
 *
 * @param at Where the entry stands in its pattern, for messages.
 * @throws {@link InvalidPatternError} when EventBridge would refuse it.
 */
export const compileEntry = (entry: unknown, at: string): CompiledEntry => {
  if (isLeaf(entry)) return { kind: 'test', test: exact(entry) };
  const [name, operand] = onlyEntry(entry, at, 'a string, a number, true, false, null or an operator');
  if (name === 'exists') {
    if (typeof operand !== 'boolean') throw new InvalidPatternError(`${at}.exists`, 'true or false', operand);
    return operand ? { kind: 'test', test: () => true } : { kind: 'absent' };
  }
  const make = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (make === undefined) {
    throw new InvalidPatternError(at, `an operator (exists, ${Object.keys(OPERATORS).join(', ')})`, entry);
  }
  return { kind: 'test', test: make(operand, `${at}.${name}`) };
};

import { refuse } from './checks.ts';

/** Deeper than any JSON that is meant, and no danger to the stack. */
const MAX_DEPTH = 1_000;

interface Place {
  readonly name: string;
  /** What it is in, from the outermost on: none of it may be in itself. */
  readonly within: readonly object[];
}

/** Objects without a class, also those that were made by another realm. */
const isPlain = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.hasOwn(prototype, 'isPrototypeOf'));
};

const jsonOf = (value: unknown, field: string): unknown => {
  const json = (value as { readonly toJSON?: unknown } | null | undefined)?.toJSON;
  return typeof json === 'function' ? (json.call(value, field) as unknown) : value;
};

const fieldsOf = (value: Readonly<Record<string, unknown>>, place: Place): string => {
  const texts: string[] = [];
  for (const field of Object.keys(value).toSorted()) {
    const text = textOf(value[field], field, place);
    if (text !== undefined) texts.push(`${JSON.stringify(field)}:${text}`);
  }
  return `{${texts.join()}}`;
};

/** Undefined for what JSON leaves out. */
const textOf = (given: unknown, field: string, { name, within }: Place): string | undefined => {
  const value = jsonOf(given, field);
  if (value === undefined) return undefined;
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  if (typeof value !== 'object') throw refuse(name, 'JSON', value);
  if (within.includes(value)) throw refuse(name, 'JSON, nothing of it in itself', value);
  if (within.length >= MAX_DEPTH) throw refuse(name, `nested ${MAX_DEPTH} deep at most`, within.length);
  const place = { name, within: [...within, value] };
  if (Array.isArray(value))
    return `[${Array.from(value, (item, at) => textOf(item, String(at), place) ?? 'null').join()}]`;
  if (!isPlain(value)) throw refuse(name, 'JSON, or to say by toJSON what it is there', value);
  return fieldsOf(value, place);
};

/**
 * The same text for the same JSON, whatever the order of its fields; undefined is the empty text. Other values are what
 * JSON makes of them: a Date its time, a URL its address, a field that is undefined is none.
 *
 * @param name What it is called in errors.
 * @throws {@link InvalidArgumentError} for what JSON would lose, so that two different values never become one text: a
 *   Set, a Map, another instance of a class without `toJSON`, a bigint, a symbol, a function, NaN, Infinity, what is in itself
 */
export const canonicalJson = (value: unknown, name = 'value'): string => textOf(value, '', { name, within: [] }) ?? '';

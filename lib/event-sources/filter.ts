import { compilePattern, InvalidPatternError } from './pattern.ts';
import type { EventMatcher } from './pattern.ts';
import type { SqsRecord } from './sqs-event.ts';

/** Whether a record is for the function; one that is not is deleted unseen. */
export type RecordFilter = (record: SqsRecord) => boolean;

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_Filter.html */
const PATTERN_LIMIT_CHARACTERS = 4096;

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const parsedPattern = (text: string, index: number): object => {
  const at = `Filters[${index}].Pattern`;
  if (text.length > PATTERN_LIMIT_CHARACTERS) {
    throw new InvalidPatternError(at, `at most ${PATTERN_LIMIT_CHARACTERS} characters`, text.length);
  }
  const pattern = parsed(text);
  if (typeof pattern !== 'object' || pattern === null) throw new InvalidPatternError(at, 'a JSON object as text', text);
  return pattern;
};

interface CompiledFilter {
  readonly matches: EventMatcher;
  /** What the pattern takes the body for: a pattern on fields never matches plain text, and the other way round. */
  readonly body: 'json' | 'text' | 'any';
}

const compileFilter = (text: string, index: number): CompiledFilter => {
  const pattern = parsedPattern(text, index);
  const body: unknown = Object.getOwnPropertyDescriptor(pattern, 'body')?.value;
  return {
    matches: compilePattern(pattern),
    body: body === undefined ? 'any' : Array.isArray(body) ? 'text' : 'json',
  };
};

/**
 * Compiles the filters of an event source mapping; a record passes when one of them matches.
 *
 * A body that is a JSON object or array is matched by its fields, any other as plain text; a filter on fields drops
 * plain text and a filter on plain text drops JSON, as Lambda does. No filters: everything passes.
 *
 * @param patterns The `Pattern` texts.
 * @throws {@link InvalidPatternError} when a pattern is not JSON, too long, or one that EventBridge would refuse.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html
 */
export const compileRecordFilter = (patterns: readonly string[]): RecordFilter => {
  const filters = patterns.map(compileFilter);
  if (filters.length === 0) return () => true;
  return (record) => {
    const value = parsed(record.body);
    const isJson = typeof value === 'object' && value !== null;
    const event = isJson ? { ...record, body: value } : record;
    return filters.some(
      (filter) => (filter.body === 'any' || (filter.body === 'json') === isJson) && filter.matches(event),
    );
  };
};

/**
 * Compiles the filters of a mapping of a DynamoDB stream; a record passes when one of them matches it as a whole. No
 * filters: everything passes. Numbers of items are text in a record (`{"N": "5"}`), so `numeric` never matches them.
 *
 * @param patterns The `Pattern` texts.
 * @throws {@link InvalidPatternError} when a pattern is not JSON, too long, or one that EventBridge would refuse.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
 */
export const compileStreamFilter = (patterns: readonly string[]): EventMatcher => {
  const filters = patterns.map((text, index) => compilePattern(parsedPattern(text, index)));
  return filters.length === 0 ? () => true : (record) => filters.some((matches) => matches(record));
};

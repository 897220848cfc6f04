import * as v from 'valibot';
import type { Json } from '#primitives/table';
import { isClean } from '#primitives/utf8';
import { recordFault, shapeFault } from './json-fault.ts';

/** Any JSON: what is checked here has come out of JSON.parse, which makes nothing else. */
export const json = v.unknown() as v.GenericSchema<unknown, Json>;

/** JSON that a table takes: what could not be recorded as an output could not be told back. */
export const recordable = (name: string) =>
  v.pipe(
    json,
    v.check(
      (value) => recordFault(name, value) === undefined,
      ({ input }) => recordFault(name, input) ?? '',
    ),
  );

/** What names something in a message: 1 to `maxBytes` bytes of UTF-8, in any normal form. */
export const boundedText = (maxBytes: number) =>
  v.pipe(
    v.string(),
    v.check((text) => {
      const length = Buffer.byteLength(text);
      return length > 0 && length <= maxBytes;
    }, `Expected 1 to ${maxBytes} bytes of UTF-8`),
    v.check(isClean, 'Expected text without NUL and lone surrogates'),
  );

/** What jobs, joins and reductions are called: fit for a URL, a queue and a key. */
export const REFERENCE = /^[A-Za-z0-9_-]{1,64}$/;
export const reference = v.pipe(v.string(), v.regex(REFERENCE, 'Expected 1 to 64 of A-Z a-z 0-9 _ -'));

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Where something is wrong, and what, in the words of the HTTP API. */
export const issueText = (issue: v.BaseIssue<unknown>): string => {
  const path = v.getDotPath(issue);
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never';
  const text = isUnknown
    ? 'This field is not known'
    : issue.received === 'undefined'
      ? 'This field is missing'
      : issue.message;
  return path === null ? text : `${path}: ${text}`;
};

/** Reads the body of a message. What is wrong with it is a sentence, fit to be a dead letter's reason. */
export const parseMessage = <T>(schema: v.GenericSchema<unknown, T>, body: string): Parsed<T> => {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { ok: false, reason: 'invalid message: not JSON' };
  }
  const fault = shapeFault(value);
  if (fault !== undefined) return { ok: false, reason: `invalid message: ${fault}` };
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return { ok: true, value: result.output };
  return { ok: false, reason: `invalid message: ${issueText(result.issues[0])}` };
};

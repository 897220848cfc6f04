import type { HttpEvent } from './event.ts';
import { problem, type Problem } from './handlers.ts';
import { headerValues } from './request-head.ts';
import { fieldName, mergeErrors } from './validation.ts';

/** What a body may be at most. Long lists come in parts. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** How deep arrays and objects may nest: what DynamoDB stores, and far from the stack of any JSON writer. */
const DEPTH_LIMIT = 32;

const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

const malformed = (detail: string): Problem => problem(400, { type: 'malformed-request', detail });

// application/json or a type on top of it, such as application/cloudevents+json.
const JSON_TYPE = /^application\/(?:json|[a-z0-9!#$&^_.-]+\+json)$/;

const isJson = (contentType: string): boolean => {
  const [type = '', ...parameters] = contentType.toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('charset='));
  return JSON_TYPE.test(type.trim()) && (charset === undefined || /^charset=(?:utf-8|"utf-8")$/.test(charset));
};

/** True when arrays and objects nest deeper than the limit. One pass over the text, valid JSON or not. */
export const nestsTooDeep = (text: string, limit = DEPTH_LIMIT): boolean => {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '[' || character === '{') {
      depth += 1;
      if (depth > limit) return true;
    } else if (character === ']' || character === '}') depth -= 1;
  }
  return false;
};

type Path = readonly (string | number)[];

/** What no schema may see: keys that reach into prototypes, numbers that JSON cannot write back. */
function* forbidden(value: unknown, path: Path = []): Generator<readonly [string, string]> {
  if (typeof value === 'number' && !Number.isFinite(value)) yield [fieldName(path), 'Expected a finite number.'];
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) yield [fieldName([...path, key]), 'This name is not allowed.'];
    else yield* forbidden(inner, [...path, key]);
  }
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`;
};

/**
 * The event as API Gateway gives it: serverless-offline hands on JSON that JavaScript takes for false as it has read it.
 * That `null` and `""` were a body is told by their length alone.
 */
const asGiven = (event: HttpEvent): HttpEvent => {
  const body: unknown = event.body ?? null;
  if (typeof body === 'string' && body !== '') return event;
  const [length = '0'] = headerValues(event).get('content-length') ?? [];
  const isEmpty = (body === null || body === '') && !(Number(length) > 0);
  return isEmpty ? { ...event, body: null } : { ...event, body: JSON.stringify(body), isBase64Encoded: false };
};

/** The text of the body; undefined when no UTF-8 can be behind it. */
const decode = ({ body, isBase64Encoded }: HttpEvent): string | undefined => {
  if (body === null) return '';
  if (!isBase64Encoded) return body.isWellFormed() ? body : undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(body, 'base64'));
  } catch {
    return undefined;
  }
};

const sizeBytes = ({ body, isBase64Encoded }: HttpEvent): number =>
  body === null ? 0 : Buffer.byteLength(body, isBase64Encoded ? 'base64' : 'utf8');

const tooLong = (): Problem =>
  problem(413, { detail: `The body is longer than ${BODY_LIMIT_BYTES} bytes; send long lists in parts.` });

/** The bytes of a body of any type; a {@link Problem} when there are too many. */
export const bodyBytes = (given: HttpEvent): Uint8Array | Problem => {
  const event = asGiven(given);
  if (sizeBytes(event) > BODY_LIMIT_BYTES) return tooLong();
  const { body, isBase64Encoded } = event;
  return Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8');
};

/**
 * Reads a body, which must be a JSON object. Size, type and depth are looked at before it is parsed. `undefined` for an empty body; a
 * {@link Problem} (413, 415 or 400) for what is not JSON as we take it.
 */
export const readBody = (
  given: HttpEvent,
  headers: Readonly<Record<string, string | undefined>>,
): { readonly value: unknown } | Problem => {
  const event = asGiven(given);
  if (sizeBytes(event) > BODY_LIMIT_BYTES) return tooLong();
  if (event.body === null || event.body === '') return { value: undefined };
  const { 'content-type': contentType = '', 'content-encoding': encoding = 'identity' } = headers;
  if (!isJson(contentType) || encoding.toLowerCase() !== 'identity') {
    return problem(415, { detail: 'Expected a body of content-type application/json in UTF-8, not compressed.' });
  }
  const text = decode(event);
  if (text === undefined) return malformed('The body is not UTF-8.');
  if (nestsTooDeep(text)) return malformed(`The body nests deeper than ${DEPTH_LIMIT} levels.`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed('The body is not JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return malformed(`Expected the body to be a JSON object, got ${kindOf(value)}.`);
  }
  const errors = mergeErrors([...forbidden(value)].map(([name, message]) => ({ [name]: [message] })));
  if (Object.keys(errors).length === 0) return { value };
  return problem(400, {
    type: 'malformed-request',
    detail: 'Some names or numbers in the body are not allowed.',
    errors,
  });
};

import { endToEnd, isWritable } from './end-to-end.ts';
import type { HttpEvent, HttpResult } from './event.ts';
import { problem, type Problem } from './handlers.ts';
import type { RawAnswer, RawRequest } from './raw.ts';
import { bodyBytes } from './request-body.ts';
import { headerValues } from './request-head.ts';

// A lone surrogate has no percent-encoding: a URL that was decoded leniently may hold one.
const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

const queryOf = ({ multiValueQueryStringParameters: multiple, queryStringParameters: single }: HttpEvent): string => {
  const given: Readonly<Record<string, string | readonly string[] | undefined>> = multiple ?? single ?? {};
  return Object.entries(given)
    .flatMap(([name, values = []]) =>
      (typeof values === 'string' ? [values] : values).map((value) => `${encode(name)}=${encode(value)}`),
    )
    .join('&');
};

/** Reads a request that is to be handed on. A problem (413, 400) when its body is too long, or its headers are unfit. */
export const readRaw = (event: HttpEvent, rest: string): RawRequest | Problem => {
  const body = bodyBytes(event);
  if (!(body instanceof Uint8Array)) return body;
  const headers = endToEnd(Object.fromEntries(headerValues(event)));
  if (!Object.entries(headers).every(([name, values]) => isWritable(name, values)))
    return problem(400, { detail: 'A header holds what no header can.' });
  return Object.freeze({ method: event.httpMethod, rest, query: queryOf(event), headers, body });
};

const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    // A byte order mark is part of the bytes.
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** The platform's form: text as text, other bytes in base64. A HEAD request gets the headers alone. */
export const rawResult = (answer: RawAnswer, more: Readonly<Record<string, string>>, isHead: boolean): HttpResult => {
  const kept = Object.entries(endToEnd(answer.headers)).filter(
    ([name, values]) => isWritable(name, values) && !Object.hasOwn(more, name),
  );
  const single = kept.flatMap(([name, values]) => (values.length === 1 ? [[name, values[0] ?? ''] as const] : []));
  const multiple = kept.flatMap(([name, values]): [string, string[]][] =>
    values.length > 1 ? [[name, [...values]]] : [],
  );
  const text = isHead ? '' : textOf(answer.body);
  return {
    statusCode: answer.status,
    headers: { ...Object.fromEntries(single), ...more },
    ...(multiple.length === 0 ? {} : { multiValueHeaders: Object.fromEntries(multiple) }),
    ...(text === undefined
      ? { body: Buffer.from(answer.body).toString('base64'), isBase64Encoded: true }
      : { body: text }),
  };
};

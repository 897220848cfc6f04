import type { HttpEvent } from './event.ts';
import { problem, type FieldErrors, type Problem } from './handlers.ts';

type Values = ReadonlyMap<string, readonly string[]>;

/** Headers by lower-case name, values as they came. */
export const headerValues = ({ headers, multiValueHeaders }: HttpEvent): Values => {
  const values = new Map<string, readonly string[]>();
  for (const [name, list] of Object.entries(multiValueHeaders ?? {})) {
    const key = name.toLowerCase();
    values.set(key, [...(values.get(key) ?? []), ...(list ?? [])]);
  }
  // An event made by hand may have only the single-valued form; the platform's own has both.
  if (multiValueHeaders === null) {
    for (const [name, value] of Object.entries(headers ?? {})) {
      if (value !== undefined) values.set(name.toLowerCase(), [value]);
    }
  }
  return values;
};

// Two readers that disagree on where a request ends take its rest for another request.
const framingFault = (values: Values): string | undefined => {
  const lengths = values.get('content-length') ?? [];
  const encodings = values.get('transfer-encoding') ?? [];
  if (lengths.length > 1 || lengths.some((length) => !/^[0-9]+$/.test(length))) return 'content-length';
  if (encodings.length > 1 || (encodings.length > 0 && lengths.length > 0)) return 'transfer-encoding';
  return undefined;
};

// Headers of which only one can be meant.
const SINGLE = ['content-type', 'authorization', 'idempotency-key'];

/**
 * Reads the headers: lower-case names, several values joined by `, `. A problem when the framing is ambiguous, a
 * header that must be single is not, or a value holds CR, LF or NUL.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 */
export const readHeaders = (event: HttpEvent): Readonly<Record<string, string | undefined>> | Problem => {
  const values = headerValues(event);
  const framing = framingFault(values);
  if (framing !== undefined) {
    return problem(400, { detail: `The header ${framing} makes it ambiguous where the request ends.` });
  }
  const repeated = SINGLE.find((name) => (values.get(name)?.length ?? 0) > 1);
  if (repeated !== undefined) return problem(400, { detail: `The header ${repeated} came more than once.` });
  const headers: [string, string][] = [];
  for (const [name, list] of values) {
    if (list.some((value) => /[\r\n\0]/.test(value))) {
      return problem(400, { detail: 'A header holds a control character.' });
    }
    headers.push([name, list.join(', ')]);
  }
  return Object.freeze(Object.fromEntries(headers));
};

/** Reads the query string: each parameter at most once, since none of ours is a list. */
export const readQuery = (
  event: HttpEvent,
): { readonly query: Readonly<Record<string, string>>; readonly errors: FieldErrors } => {
  const { queryStringParameters: single, multiValueQueryStringParameters: multiple } = event;
  const query: [string, string][] = [];
  const errors: [string, readonly string[]][] = [];
  const given: Readonly<Record<string, string | readonly string[] | undefined>> = multiple ?? single ?? {};
  for (const [name, values = []] of Object.entries(given)) {
    const [first, ...more] = typeof values === 'string' ? [values] : values;
    if (more.length > 0) errors.push([name, ['Expected to be given once.']]);
    if (first !== undefined) query.push([name, first]);
  }
  return { query: Object.fromEntries(query), errors: Object.fromEntries(errors) };
};

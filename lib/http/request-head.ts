import type { HttpEvent } from './event.ts';
import { problem, type FieldErrors, type Problem } from './handlers.ts';

export type RequestHeaders = Readonly<Record<string, string | undefined>>;

/** Apart from what else may be returned: a header may have any name, `kind` as well. */
export interface RequestHead {
  readonly headers: RequestHeaders;
}

type Values = ReadonlyMap<string, readonly string[]>;

/** Headers by lower-case name, values as they came. */
export const headerValues = ({ headers, multiValueHeaders }: HttpEvent): Values => {
  const values = new Map<string, readonly string[]>();
  const given: Readonly<Record<string, string | readonly string[] | undefined>> = multiValueHeaders ?? headers ?? {};
  for (const [name, value = []] of Object.entries(given)) {
    const list = typeof value === 'string' ? [value] : value;
    const key = name.toLowerCase();
    if (list.length > 0) values.set(key, [...(values.get(key) ?? []), ...list]);
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
export const readHeaders = (event: HttpEvent): RequestHead | Problem => {
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
  return { headers: Object.freeze(Object.fromEntries(headers)) };
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

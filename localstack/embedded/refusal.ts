import * as v from 'valibot';

/** What AWS refuses; becomes an answer. */
export class Refused extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

export const invalid = (message: string): Refused => new Refused('ValidationException', message);

/** @throws {@link Refused} that names the first wrong field. */
export const parse = <Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  const { path, message } = parsed.issues[0];
  const field = path?.map(({ key }) => String(key)).join('.') ?? 'the body';
  throw invalid(`1 validation error detected: '${field}': ${message}`);
};

const MAX_PAGE = 100;

/** One page of a list, and the token of the next. Tokens are places in the list as it is now. */
export const pageOf = <Item>(
  items: readonly Item[],
  { limit = MAX_PAGE, token }: { readonly limit?: number | undefined; readonly token?: string | undefined },
): { readonly page: readonly Item[]; readonly next: { readonly NextToken?: string } } => {
  const start = token === undefined ? 0 : Number(/^from-(\d{1,9})$/u.exec(token)?.[1] ?? Number.NaN);
  if (Number.isNaN(start)) throw invalid('The token is not valid.');
  const end = start + limit;
  return { page: items.slice(start, end), next: end < items.length ? { NextToken: `from-${end}` } : {} };
};

import * as v from 'valibot';
import { refuseUnlessAdmin, type Admins } from './admin.ts';
import { isIdempotencyKey } from './answer-once.ts';
import { greedyParameter, pathParameters, takesKey, type Route, type Schema } from './api.ts';
import type { HttpEvent } from './event.ts';
import { isProblem, problem, type Answer, type FieldErrors, type Problem } from './handlers.ts';
import { readRaw } from './raw-proxy.ts';
import type { RawRequest } from './raw.ts';
import { readBody } from './request-body.ts';
import { readQuery, type RequestHead, type RequestHeaders } from './request-head.ts';
import type { Match } from './routing.ts';
import { id } from './schemas.ts';
import { mergeErrors, validate } from './validation.ts';

/** A request that a handler may see. */
export interface ValidRequest {
  readonly kind: 'valid';
  readonly name: string;
  readonly route: Route;
  readonly headers: RequestHeaders;
  readonly address: string;
  readonly input: {
    /** As it was sent. */
    readonly given: { readonly params: unknown; readonly query: unknown; readonly body: unknown };
    /** As the schemas made it. */
    readonly valid: { readonly params: unknown; readonly query: unknown; readonly body: unknown };
  };
  /** Of a route that is `raw`. */
  readonly raw?: RawRequest;
  readonly key?: string;
  /** What an idempotency key of this request belongs to. */
  readonly scope: readonly string[];
}

export const isValid = (value: ValidRequest | Problem | Answer): value is ValidRequest =>
  'kind' in value && value.kind === 'valid';

const ANY_ID = id();
const NO_QUERY = v.strictObject({});
const NO_BODY = v.optional(v.strictObject({}));

// API Gateway takes no longer head.
const REST = v.pipe(v.string(), v.maxLength(8_192, 'Expected at most 8192 characters.'));

/** The schema of a route's path parameters: its own, or an id for each, and any text for the rest of the path. */
export const paramsSchema = ({ params, path }: Route): Schema => {
  const schemaOf = (name: string) => (name === greedyParameter(path) ? REST : ANY_ID);
  return params ?? v.strictObject(Object.fromEntries(pathParameters(path).map((name) => [name, schemaOf(name)])));
};

const withoutBody = new Set(['GET', 'HEAD']);

const keyErrors = (route: Route, headers: RequestHeaders): FieldErrors => {
  const { 'idempotency-key': key } = headers;
  if (!takesKey(route) || key === undefined || isIdempotencyKey(key)) return {};
  return { 'idempotency-key': ['Expected 1 to 255 printable characters of ASCII.'] };
};

/** Of a request that is handed on only the path is ours to judge. */
const readRawInput = (
  event: HttpEvent,
  { route, params }: Extract<Match, { kind: 'route' }>,
): Pick<ValidRequest, 'input' | 'raw'> | Problem => {
  const checked = validate(paramsSchema(route), params);
  if ('errors' in checked) return invalid(checked.errors);
  const raw = readRaw(event, params[greedyParameter(route.path) ?? ''] ?? '');
  if (isProblem(raw)) return raw;
  return {
    raw,
    input: {
      given: { params, query: undefined, body: undefined },
      valid: { params: checked.value, query: undefined, body: undefined },
    },
  };
};

const invalid = (errors: FieldErrors): Problem =>
  problem(400, { type: 'invalid-request', detail: `Not valid: ${Object.keys(errors).join(', ')}.`, errors });

const readInput = (
  event: HttpEvent,
  { route, params }: Extract<Match, { kind: 'route' }>,
  headers: RequestHeaders,
): Pick<ValidRequest, 'input'> | Problem => {
  const body = withoutBody.has(event.httpMethod) ? { value: undefined } : readBody(event, headers);
  if (isProblem(body)) return body;
  const { query, errors: queryErrors } = readQuery(event);
  const checked = {
    params: validate(paramsSchema(route), params),
    query: validate(route.query ?? NO_QUERY, query),
    body: validate(route.body ?? NO_BODY, body.value),
  };
  const { params: validParams, query: validQuery, body: validBody } = checked;
  const errors = mergeErrors([
    keyErrors(route, headers),
    queryErrors,
    ...Object.values(checked).flatMap((result) => ('errors' in result ? [result.errors] : [])),
  ]);
  if ('errors' in validParams || 'errors' in validQuery || 'errors' in validBody || Object.keys(errors).length > 0) {
    return invalid(errors);
  }
  return {
    input: {
      given: { params, query, body: body.value },
      valid: {
        params: validParams.value,
        query: route.query === undefined ? undefined : validQuery.value,
        body: route.body === undefined ? undefined : validBody.value,
      },
    },
  };
};

/**
 * Decides about a request before any handler is asked: 400, 404, 405, 413, 415 and, on admin routes, 401 and 403; what
 * is left is valid. Cheap checks go first, and nobody's body is read who may not send it.
 */
export const readRequest = (options: {
  readonly event: HttpEvent;
  readonly head: RequestHead | Problem;
  readonly match: Match;
  readonly pattern: string;
  readonly admins: Admins;
}): ValidRequest | Problem | Answer => {
  const { event, head, match, pattern, admins } = options;
  if (isProblem(head)) return head;
  if (match.kind === 'malformed')
    return problem(400, { type: 'malformed-request', detail: 'The path is not percent-encoded UTF-8.' });
  if (match.kind === 'unknown') return problem(404, { detail: 'There is nothing under this path.' });
  if (match.kind === 'elsewhere') {
    const allow = match.allow.join(', ');
    if (event.httpMethod === 'OPTIONS') return { status: 204, headers: { allow } };
    return problem(405, { detail: `This path knows ${allow} only.`, headers: { allow } });
  }
  const { name, route } = match;
  const { headers } = head;
  const { identity } = event.requestContext;
  const sender = { authorization: headers['authorization'], userArn: identity?.userArn };
  const refusal = route.admin === true ? refuseUnlessAdmin(admins, sender) : undefined;
  if (refusal !== undefined) return refusal;
  const read = route.raw === true ? readRawInput(event, match) : readInput(event, match, headers);
  if (isProblem(read)) return read;
  const { 'idempotency-key': key } = headers;
  return {
    kind: 'valid',
    name,
    route,
    headers,
    address: identity?.sourceIp ?? '',
    ...read,
    ...(key === undefined ? {} : { key }),
    scope: [pattern, name, identity?.caller ?? ''],
  };
};

import type { HttpContext, HttpEvent } from '#http/event';

/** An event as API Gateway makes it of a request; headers and query as pairs, since both may repeat a name. */
export const httpEvent = (
  method: string,
  path: string,
  options: {
    readonly headers?: readonly (readonly [string, string])[];
    readonly query?: readonly (readonly [string, string])[];
    /** Sent as JSON unless it is a text. */
    readonly body?: unknown;
    readonly isBase64Encoded?: boolean;
    readonly caller?: string;
    readonly userArn?: string;
  } = {},
): HttpEvent => {
  const { headers = [], query = [], body, isBase64Encoded = false, caller, userArn } = options;
  const isJson = body !== undefined && typeof body !== 'string';
  const sent = isJson ? [...headers, ['content-type', 'application/json'] as const] : headers;
  const grouped = (pairs: readonly (readonly [string, string])[]) => {
    const groups = Map.groupBy(pairs, ([name]) => name);
    return Object.fromEntries([...groups].map(([name, list]) => [name, list.map(([, value]) => value)]));
  };
  return {
    httpMethod: method,
    path,
    headers: Object.fromEntries(sent),
    multiValueHeaders: grouped(sent),
    queryStringParameters: query.length === 0 ? null : Object.fromEntries(query),
    multiValueQueryStringParameters: query.length === 0 ? null : grouped(query),
    body: typeof body === 'string' ? body : isJson ? JSON.stringify(body) : null,
    isBase64Encoded,
    requestContext: { identity: { caller: caller ?? null, userArn: userArn ?? null } },
  };
};

/** Lambda's context, as far as the shell reads it. */
export const httpContext = (remainingMs = 6_000): HttpContext => ({ getRemainingTimeInMillis: () => remainingMs });

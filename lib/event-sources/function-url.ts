import { parseAnswer } from './answer-json.ts';

/** A request to the address of a function, as it came. */
export interface UrlRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
  readonly urlId: string;
  readonly accountId: string;
  readonly requestId: string;
  readonly atMs: number;
}

/** What the client gets. */
export interface UrlResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer | string;
}

/** Bodies of these types come as text, others in base64. */
const TEXT_TYPE = /^(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\b)/i;
const ADDRESS = '127.0.0.1';
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `22/Nov/2026:23:27:39 +0000` */
const logTime = (atMs: number): string => {
  const date = new Date(atMs);
  const [day, time] = date.toISOString().split('T');
  const [year = '', , dayOfMonth = ''] = (day ?? '').split('-');
  return `${dayOfMonth}/${MONTHS[date.getUTCMonth()] ?? ''}/${year}:${(time ?? '').slice(0, 8)} +0000`;
};

const joined = (value: string | readonly string[]): string => (typeof value === 'string' ? value : value.join(','));

const queryOf = (rawQueryString: string): Readonly<Record<string, string>> | undefined => {
  const found = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    const before = found.get(name);
    found.set(name, before === undefined ? value : `${before},${value}`);
  }
  return found.size === 0 ? undefined : Object.fromEntries(found);
};

const bodyOf = (body: Buffer, type: string | undefined): Readonly<Record<string, unknown>> => {
  if (body.length === 0) return { isBase64Encoded: false };
  const isText = type === undefined || TEXT_TYPE.test(type);
  return { body: body.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText };
};

/**
 * The event that a function gets for a request to its address: payload format 2.0.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 */
export const functionUrlEvent = (request: UrlRequest): string => {
  const queryAt = request.url.indexOf('?');
  const rawPath = queryAt < 0 ? request.url : request.url.slice(0, queryAt);
  const rawQueryString = queryAt < 0 ? '' : request.url.slice(queryAt + 1);
  const all = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name.toLowerCase(), joined(value)] as const],
  );
  const headers = Object.fromEntries(all.filter(([name]) => name !== 'cookie'));
  const cookies = all.find(([name]) => name === 'cookie')?.[1].split(/; ?/);
  const query = queryOf(rawQueryString);
  return JSON.stringify({
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookies === undefined ? {} : { cookies }),
    headers,
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: request.accountId,
      apiId: request.urlId,
      domainName: headers['host'] ?? '',
      domainPrefix: request.urlId,
      http: {
        method: request.method,
        path: rawPath,
        protocol: 'HTTP/1.1',
        sourceIp: ADDRESS,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: request.requestId,
      routeKey: '$default',
      stage: '$default',
      time: logTime(request.atMs),
      timeEpoch: request.atMs,
    },
    ...bodyOf(request.body, headers['content-type']),
  });
};

const JSON_TYPE = { 'content-type': 'application/json' };

/** What a client gets when the function failed, or answered what cannot be a response. */
export const BAD_GATEWAY: UrlResponse = Object.freeze({
  status: 502,
  headers: JSON_TYPE,
  body: 'Internal Server Error',
});

const headersOf = (given: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(typeof given === 'object' && given !== null ? given : {}).map(([name, value]) => [
      name.toLowerCase(),
      String(value),
    ]),
  );

/**
 * What a client gets for the answer of a function: an object with a `statusCode` says all of it, anything else is a
 * JSON body with status 200. What is no JSON cannot be a response.
 *
 * @param payload JSON, or nothing at all: the same as null.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-response-payload
 */
export const functionUrlResponse = (payload: string): UrlResponse => {
  const parsed = parseAnswer(payload);
  if (parsed === undefined) return BAD_GATEWAY;
  const { value: answer } = parsed;
  if (typeof answer === 'string') return { status: 200, headers: JSON_TYPE, body: answer };
  if (typeof answer !== 'object' || answer === null || !('statusCode' in answer))
    return { status: 200, headers: JSON_TYPE, body: payload || 'null' };
  const { statusCode, headers, cookies, body, isBase64Encoded } = answer as Readonly<Record<string, unknown>>;
  const status = Number(statusCode);
  if (!Number.isInteger(status) || status < 100 || status > 599) return BAD_GATEWAY;
  const text = body === undefined || body === null ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers: {
      ...JSON_TYPE,
      ...headersOf(headers),
      ...(Array.isArray(cookies) && cookies.length > 0 ? { 'set-cookie': cookies.map(String) } : {}),
    },
    body: isBase64Encoded === true ? Buffer.from(text, 'base64') : text,
  };
};

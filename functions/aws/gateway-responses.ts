import type { Resource, Resources } from './template.ts';

/** What API Gateway answers by itself, without asking a function. */
interface Refusal {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly retryAfterS?: number;
}

const FORBIDDEN = { status: 403, title: 'Forbidden' };
const TIMEOUT = {
  status: 504,
  title: 'Gateway Timeout',
  detail: 'There was no answer in time; what was asked for may have been done.',
  retryAfterS: 1,
};

/** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  ACCESS_DENIED: { ...FORBIDDEN, detail: 'These credentials may not call this route.' },
  EXPIRED_TOKEN: { ...FORBIDDEN, detail: 'The credentials have expired.' },
  INVALID_SIGNATURE: { ...FORBIDDEN, detail: 'The signature does not match the request.' },
  MISSING_AUTHENTICATION_TOKEN: { ...FORBIDDEN, detail: 'Expected a request signed with AWS Signature Version 4.' },
  REQUEST_TOO_LARGE: { status: 413, title: 'Content Too Large', detail: 'The request is too large.' },
  THROTTLED: { status: 429, title: 'Too Many Requests', detail: 'Too many requests.', retryAfterS: 1 },
  INTEGRATION_FAILURE: TIMEOUT,
  INTEGRATION_TIMEOUT: TIMEOUT,
  // A function that ended without an answer, or could not be called: nothing else is left here.
  DEFAULT_5XX: { status: 502, title: 'Bad Gateway', detail: 'The function gave no usable answer.' },
};

// In a value of a header, a text is in quotes.
const quoted = (text: string): string => `'${text}'`;

const responseOf = (type: string, { retryAfterS, ...rest }: Refusal): Resource => ({
  Type: 'AWS::ApiGateway::GatewayResponse',
  Properties: {
    RestApiId: { Ref: 'ApiGatewayRestApi' },
    ResponseType: type,
    StatusCode: String(rest.status),
    ResponseParameters: {
      'gatewayresponse.header.content-type': quoted('application/problem+json'),
      ...(retryAfterS === undefined ? {} : { 'gatewayresponse.header.retry-after': quoted(String(retryAfterS)) }),
    },
    ResponseTemplates: { 'application/json': JSON.stringify({ type: 'about:blank', ...rest }) },
  },
});

const idOf = (type: string): string =>
  `GatewayResponse${type.toLowerCase().replaceAll(/(?:^|_)([a-z0-9])/g, (_, first: string) => first.toUpperCase())}`;

/**
 * Problems (RFC 9457) for what the platform in front answers by itself, as our own functions answer. A deployment of
 * the API takes along what there is when it is made: it has to wait for them.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gatewayResponse-definition.html
 */
export const gatewayResponses = (resources: Resources): Resources => {
  const responses = Object.fromEntries(
    Object.entries(REFUSALS).map(([type, refusal]) => [idOf(type), responseOf(type, refusal)]),
  );
  const deployments = Object.entries(resources)
    .filter(([, { Type }]) => Type === 'AWS::ApiGateway::Deployment')
    .map(([id, deployment]): [string, Resource] => {
      const { DependsOn = [] } = deployment;
      const before = typeof DependsOn === 'string' ? [DependsOn] : DependsOn;
      return [id, { ...deployment, DependsOn: [...before, ...Object.keys(responses)] }];
    });
  return { ...responses, ...Object.fromEntries(deployments) };
};

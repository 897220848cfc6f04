import { InvalidArgumentError } from '../errors.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Service names as the SDK's own variables `AWS_ENDPOINT_URL_<SERVICE>` have them. */
export type EndpointService = 'SQS' | 'DYNAMODB' | 'EVENTBRIDGE' | 'S3' | 'LAMBDA';

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

const parsed = (text: string): URL => {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new InvalidArgumentError(`Expected 'AWS_ENDPOINT_URL' to be an http or https address, got ${text}.`);
  }
  return url;
};

/**
 * The endpoint that a client must use, or undefined for AWS itself. A local run never reaches somebody's real queue:
 * when `AWS_ENDPOINT_URL` is set, or `STAGE` is `local`, only a loopback endpoint passes, unless
 * `ALLOW_REMOTE_ENDPOINT=1`.
 *
 * @remarks The client is given the endpoint in so many words, since `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` or a profile
 *   would let the SDK choose another than the one that was checked.
 * @throws {@link InvalidArgumentError} when the endpoint is refused, or is no address.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export const guardedEndpoint = (service: EndpointService, environment: Environment): string | undefined => {
  const endpoint = environment[`AWS_ENDPOINT_URL_${service}`] ?? environment['AWS_ENDPOINT_URL'];
  const isLocal = environment['STAGE'] === 'local' || environment['AWS_ENDPOINT_URL'] !== undefined;
  if (endpoint !== undefined && isLoopback(parsed(endpoint).hostname)) return endpoint;
  if (!isLocal || environment['ALLOW_REMOTE_ENDPOINT'] === '1') return endpoint;
  throw new InvalidArgumentError(
    `Expected 'AWS_ENDPOINT_URL' to be a loopback address (a local run must not reach AWS), got ${endpoint ?? 'none'}. ` +
      'Set ALLOW_REMOTE_ENDPOINT=1 to allow it.',
  );
};

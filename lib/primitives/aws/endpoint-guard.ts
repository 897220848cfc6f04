import { InvalidArgumentError } from '../errors.ts';
import { isLocalStage } from '../local-stage.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Service names as the SDK's own variables `AWS_ENDPOINT_URL_<SERVICE>` have them. */
export type EndpointService = 'SQS' | 'DYNAMODB' | 'EVENTBRIDGE' | 'S3' | 'LAMBDA';

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);

/** 10/8, 172.16/12 and 192.168/16: no address that AWS answers at to the world. */
const PRIVATE_ADDRESS = /^(10\.\d+|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d+\.\d+$/;
/** LocalStack's own name for itself; it is no AWS, whatever it resolves to. */
const LOCALSTACK_NAME = 'localhost.localstack.cloud';

/**
 * LocalStack runs functions in containers, where it is not at a loopback address. It tells them its host itself, so
 * that an address which only a person wrote down does not pass.
 *
 * @see https://docs.localstack.cloud/aws/capabilities/networking/transparent-endpoint-injection/
 */
const isLocalStack = (hostname: string, environment: Environment): boolean =>
  isLocalStage(environment['STAGE'] ?? '') &&
  environment['LOCALSTACK_HOSTNAME'] === hostname &&
  (hostname === LOCALSTACK_NAME || PRIVATE_ADDRESS.test(hostname));

/** A URL may carry a password, so no error shows more of it than this. */
const originOf = ({ protocol, host }: URL): string => `${protocol}//${host}`;

const parsed = (text: string): URL => {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    const shown = url === null ? 'no URL' : originOf(url);
    throw new InvalidArgumentError(`Expected 'AWS_ENDPOINT_URL' to be an http or https address, got ${shown}.`);
  }
  return url;
};

/**
 * The endpoint that a client must use, or undefined for AWS itself. A local run never reaches somebody's real queue:
 * when `AWS_ENDPOINT_URL` is set, or `STAGE` is local, only a loopback endpoint passes, and in the functions of a local
 * stage the LocalStack that runs them, unless `ALLOW_REMOTE_ENDPOINT=1`.
 *
 * @remarks The client is given the endpoint in so many words, since `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` or a profile
 *   would let the SDK choose another than the one that was checked.
 * @throws {@link InvalidArgumentError} when the endpoint is refused, or is no address.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
 */
export const guardedEndpoint = (service: EndpointService, environment: Environment): string | undefined => {
  const endpoint = environment[`AWS_ENDPOINT_URL_${service}`] ?? environment['AWS_ENDPOINT_URL'];
  const isLocal = isLocalStage(environment['STAGE'] ?? '') || environment['AWS_ENDPOINT_URL'] !== undefined;
  const url = endpoint === undefined ? undefined : parsed(endpoint);
  if (url !== undefined && (isLoopback(url.hostname) || isLocalStack(url.hostname, environment))) return endpoint;
  if (!isLocal || environment['ALLOW_REMOTE_ENDPOINT'] === '1') return endpoint;
  throw new InvalidArgumentError(
    `Expected 'AWS_ENDPOINT_URL' to be a loopback address (a local run must not reach AWS), got ${url === undefined ? 'none' : originOf(url)}. ` +
      'Set ALLOW_REMOTE_ENDPOINT=1 to allow it.',
  );
};

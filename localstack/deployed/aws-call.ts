import { REGION } from '../plugin/account.ts';
import { SettingsError } from '../stack-settings.ts';

const TIMEOUT_MS = 30_000;
/** The first request of a LocalStack that just came up waits until a service was loaded: seconds on a busy machine. */
const PROBE_TIMEOUT_MS = 30_000;
const DATE = '20260101';

/** An answer of an emulator that is not 2xx. */
export class AwsCallError extends Error {
  override readonly name = 'AwsCallError';
}

/** An emulator looks at the service in it, to know whom a request is for; nobody checks the signature. */
const authorization = (service: string): string =>
  `AWS4-HMAC-SHA256 Credential=test/${DATE}/${REGION}/${service}/aws4_request, SignedHeaders=host, Signature=00`;

/** One call of a service for which the project has no client. Gives the text of the answer. */
export const awsCall = async (
  endpoint: string,
  service: 'cloudformation' | 'logs',
  request: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
): Promise<string> => {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { ...request.headers, authorization: authorization(service), 'x-amz-date': `${DATE}T000000Z` },
    body: request.body,
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  if (!response.ok) throw new AwsCallError(`${service} answered ${response.status}: ${text.slice(0, 500)}`);
  return text;
};

/**
 * Makes sure that an emulator answers there, and that it is not this project's own embedded place, to which nothing is
 * deployed.
 *
 * @throws {@link SettingsError} that says what to do.
 */
export const expectEmulator = async (endpoint: string): Promise<void> => {
  let embedded: Response;
  try {
    embedded = await fetch(`${endpoint}/_stack/health`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  } catch {
    throw new SettingsError(
      `Nothing answers at ${endpoint}. Start LocalStack with 'npm run localstack -- up', or say where it is with ` +
        'AWS_ENDPOINT_URL.',
    );
  }
  const text = await embedded.text();
  if (embedded.ok && text.includes('"functionHost"'))
    throw new SettingsError(
      `At ${endpoint} is a stack of 'npm start', which runs the functions as it is: nothing is deployed to it. ` +
        'Stop it, or say with AWS_ENDPOINT_URL where LocalStack is.',
    );
};

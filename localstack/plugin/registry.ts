import { StackError } from './errors.ts';
import type { RegisteredFunction } from './functions.ts';

const TIMEOUT_MS = 10_000;

/**
 * Tells the endpoint which functions there are: its Lambda API knows no others.
 *
 * @throws {@link StackError} when the endpoint does not take it.
 */
export const registerFunctions = async (options: {
  readonly endpoint: string;
  readonly adminToken: string;
  readonly functions: readonly RegisteredFunction[];
}): Promise<void> => {
  const url = `${options.endpoint}/_stack/functions`;
  const response = await fetch(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${options.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ functions: options.functions }),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).catch((error: unknown) => {
    throw new StackError(`Could not register the functions at ${url}: ${String(error)}`);
  });
  if (response.ok) return void (await response.body?.cancel());
  const text = (await response.text()).slice(0, 500);
  throw new StackError(`Could not register the functions: ${url} answered ${response.status} ${text}`);
};

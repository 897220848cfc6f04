import { checkNames } from '../checks.ts';
import { OutcomeUnknownError } from '../errors.ts';
import type { InvocationOutcome, Invoker } from '../invoker.ts';
import { MAX_ASYNC_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, payloadText } from '../payload.ts';
import type { Json } from '../table.ts';
import { sharedClients, type AwsClients } from './clients.ts';
import { portError } from './port-errors.ts';

export interface AwsInvokerOptions {
  /** Default: the clients of the process. */
  readonly clients?: AwsClients;
}

/** What the function answered. It ran, so an answer that cannot be read is a lost one; no error may quote it. */
const parsed = (functionName: string, payload: Uint8Array | undefined): Json => {
  const text = payload === undefined ? '' : Buffer.from(payload).toString();
  try {
    return text === '' ? null : (JSON.parse(text) as Json);
  } catch {
    throw new OutcomeUnknownError(`Invoke ${functionName} (answered no JSON)`);
  }
};

/** Lambda's own form of a failure: `{errorType, errorMessage}`. */
const failure = (payload: Json): InvocationOutcome => {
  const fields =
    typeof payload === 'object' && payload !== null ? new Map(Object.entries(payload)) : new Map<string, Json>();
  const text = (name: string, otherwise: string): string => {
    const value = fields.get(name);
    return typeof value === 'string' ? value : otherwise;
  };
  return Object.freeze({
    status: 'failed',
    errorType: text('errorType', 'Error'),
    message: text('errorMessage', 'the function failed'),
  });
};

/**
 * Functions of Lambda. A call is attempted once: the SDK would repeat one whose answer was lost, and so run the function
 * twice. An answer that was lost, or is not JSON, is `OutcomeUnknownError`.
 */
export const awsInvoker = (options: AwsInvokerOptions = {}): Invoker => {
  checkNames(options, ['clients']);
  const { clients = sharedClients() } = options;

  const orThrottled = async <T>(name: string, run: () => Promise<T>, signal?: AbortSignal) => {
    try {
      return await run();
    } catch (error) {
      signal?.throwIfAborted();
      const { sdk } = await clients.lambda();
      if (error instanceof sdk.TooManyRequestsException) return Object.freeze({ status: 'throttled' } as const);
      throw portError(`Invoke ${name}`, error, true);
    }
  };

  return Object.freeze<Invoker>({
    invoke: async (FunctionName, payload, signal) => {
      signal?.throwIfAborted();
      const Payload = payloadText(payload, MAX_PAYLOAD_BYTES);
      const run = async (): Promise<InvocationOutcome> => {
        const { client, sdk } = await clients.lambda();
        const command = new sdk.InvokeCommand({ FunctionName, Payload, InvocationType: 'RequestResponse' });
        const answer = await client.send(command, signal === undefined ? {} : { abortSignal: signal });
        const answered = parsed(FunctionName, answer.Payload);
        if (answer.FunctionError !== undefined) return failure(answered);
        return Object.freeze({ status: 'answered', payload: answered });
      };
      return orThrottled(FunctionName, run, signal);
    },
    invokeAsync: async (FunctionName, payload) => {
      const Payload = payloadText(payload, MAX_ASYNC_PAYLOAD_BYTES);
      const run = async () => {
        const { client, sdk } = await clients.lambda();
        await client.send(new sdk.InvokeCommand({ FunctionName, Payload, InvocationType: 'Event' }));
        return Object.freeze({ status: 'accepted' } as const);
      };
      return orThrottled(FunctionName, run);
    },
  });
};

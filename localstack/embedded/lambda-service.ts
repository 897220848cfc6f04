import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { asyncInvocations } from './async-invocations.ts';
import type { Answer, Backend, Call, Outcome } from './call.ts';
import { asyncDestinations } from './destinations.ts';
import { eventInvokeConfigs } from './event-invoke-configs.ts';
import { functionConcurrency } from './function-concurrency.ts';
import { functionPolicies } from './function-policies.ts';
import { functionUrls } from './function-urls.ts';
import { functionInvoker, type FunctionInvoker, type FunctionInvokerOptions } from './invoke-function.ts';
import { lambdaApi } from './lambda-api.ts';
import { lettersBy } from './letters.ts';

export interface LambdaServiceOptions extends FunctionInvokerOptions {
  readonly region: string;
  readonly accountId: string;
  /** Where the endpoint listens. */
  readonly port: () => number;
  /** Serves SQS, SNS and EventBridge: destinations are there. */
  readonly backend: Backend;
  /** See {@link asyncInvocations}. */
  readonly asyncRetryDelayMs?: number | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface LambdaService {
  readonly invoke: FunctionInvoker;
  /** Takes an event for a function over, by name or ARN; false when there is no such function, or too many wait. */
  accept(reference: string, payload: string): boolean;
  readonly api: (call: Call) => Promise<Outcome>;
  /** Answers a call that came to the address of a function; undefined when it did not. */
  serveUrl(call: Call): Promise<Answer> | undefined;
  close(): void;
}

/** Lambda, all but the event source mappings, in front of the function host. */
export const lambdaService = (options: LambdaServiceOptions): LambdaService => {
  const { functions, region, accountId, backend, asyncRetryDelayMs } = options;
  const arnOf = (name: string): string => `arn:aws:lambda:${region}:${accountId}:function:${name}`;
  const invoke = functionInvoker(options);
  const configs = eventInvokeConfigs({ ...options, arnOf });
  const { settingsOf } = configs;

  const accept = (reference: string, payload: string): boolean => {
    const called = functions.get(reference);
    return called !== undefined && events.accept(called.name, payload);
  };
  const functionOf = (name: string) => functions.get(name);
  const letters = lettersBy(backend);
  const onEnd = asyncDestinations({ ...options, settingsOf, functionOf, arnOf, letters, toFunction: accept });
  const events = asyncInvocations({
    invoke,
    log: options.log,
    settingsOf,
    takesEvents: (name) => functionOf(name)?.reservedConcurrency !== 0,
    onEnd: (end) => void onEnd(end),
    ...(asyncRetryDelayMs === undefined ? {} : { retryDelayMs: asyncRetryDelayMs }),
  });
  const urls = functionUrls({ ...options, invoke, arnOf });
  const routes = [configs.route, functionConcurrency(functions), functionPolicies(arnOf), urls.route];
  const api = lambdaApi({ functions, invoke, events, routes, region, accountId });
  return Object.freeze({
    invoke,
    accept,
    api,
    serveUrl: urls.serve,
    close: () => {
      events.close();
      invoke.close();
    },
  });
};

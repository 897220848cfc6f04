import * as v from 'valibot';
import type { Clock } from '#primitives/clock';
import type { Answer } from './call.ts';
import type { RegisteredFunction } from './function-registry.ts';
import { bodyOf, invalidValue, lambdaJson, noContent, notFound, type FunctionRoute } from './lambda-refusal.ts';
import { parse } from './refusal.ts';

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionEventInvokeConfig.html */
const destinationArn = v.pipe(
  v.string(),
  v.regex(
    /^(?:arn:aws:(?:sqs|sns|lambda|events):[\w-]+:\d{12}:[\w.:/$-]+)?$/,
    'Expected the ARN of a queue, a topic, a function or an event bus.',
  ),
);
const destination = v.optional(v.strictObject({ Destination: v.optional(destinationArn) }));
const configSchema = v.looseObject({
  MaximumRetryAttempts: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2))),
  MaximumEventAgeInSeconds: v.optional(v.pipe(v.number(), v.integer(), v.minValue(60), v.maxValue(21_600))),
  DestinationConfig: v.optional(v.strictObject({ OnSuccess: destination, OnFailure: destination })),
});
type Config = Pick<
  v.InferOutput<typeof configSchema>,
  'MaximumRetryAttempts' | 'MaximumEventAgeInSeconds' | 'DestinationConfig'
>;

/** What is to become of a function's asynchronous invocations. */
export interface EventInvokeSettings {
  /** Further tries after a function error, 0–2. */
  readonly retryCount: number;
  /** An event older than that is not tried again, in ms. */
  readonly maxAgeMs: number;
  readonly onSuccess?: string;
  readonly onFailure?: string;
}

export interface EventInvokeConfigs {
  settingsOf(functionName: string): EventInvokeSettings;
  readonly route: FunctionRoute;
}

/** What Lambda does when nothing was said. */
const RETRY_COUNT = 2;
const MAX_AGE_S = 21_600;
const MS_PER_S = 1_000;
const ACTION = /^event-invoke-config(\/list)?$/;

interface Stored {
  readonly config: Config;
  readonly modifiedAtMs: number;
}

const read = (body: unknown): Config => {
  const { MaximumRetryAttempts, MaximumEventAgeInSeconds, DestinationConfig } = parse(configSchema, body);
  for (const each of [DestinationConfig?.OnSuccess, DestinationConfig?.OnFailure])
    if (each?.Destination?.endsWith('.fifo') === true)
      throw invalidValue('The destination ARN is invalid: FIFO queues and topics cannot be destinations.');
  return {
    ...(MaximumRetryAttempts === undefined ? {} : { MaximumRetryAttempts }),
    ...(MaximumEventAgeInSeconds === undefined ? {} : { MaximumEventAgeInSeconds }),
    ...(DestinationConfig === undefined ? {} : { DestinationConfig }),
  };
};

/** An empty text takes a destination away. */
const arnOf = (given: { readonly Destination?: string | undefined } | undefined): string | undefined =>
  given?.Destination === '' ? undefined : given?.Destination;

/**
 * How functions want their asynchronous invocations: the API that puts, changes (POST: what is not given stays), gets,
 * lists and deletes it, by function.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
 */
export const eventInvokeConfigs = (options: {
  readonly clock: Clock;
  readonly arnOf: (functionName: string) => string;
}): EventInvokeConfigs => {
  const configs = new Map<string, Stored>();

  const described = (name: string, { config, modifiedAtMs }: Stored): Readonly<Record<string, unknown>> => ({
    FunctionArn: `${options.arnOf(name)}:$LATEST`,
    LastModified: modifiedAtMs / MS_PER_S,
    ...config,
  });
  const stored = ({ name }: RegisteredFunction): Stored => {
    const found = configs.get(name);
    if (found === undefined) throw notFound(`The function ${options.arnOf(name)} doesn't have an EventInvokeConfig`);
    return found;
  };
  const put = ({ name }: RegisteredFunction, config: Config): Answer => {
    const written = { config, modifiedAtMs: options.clock.nowMs() };
    configs.set(name, written);
    return lambdaJson(200, described(name, written));
  };

  return Object.freeze({
    settingsOf: (name: string) => {
      const { MaximumRetryAttempts: retryCount = RETRY_COUNT, ...config } = configs.get(name)?.config ?? {};
      const onSuccess = arnOf(config.DestinationConfig?.OnSuccess);
      const onFailure = arnOf(config.DestinationConfig?.OnFailure);
      return {
        retryCount,
        maxAgeMs: (config.MaximumEventAgeInSeconds ?? MAX_AGE_S) * MS_PER_S,
        ...(onSuccess === undefined ? {} : { onSuccess }),
        ...(onFailure === undefined ? {} : { onFailure }),
      };
    },
    route: (action, call, called) => {
      const [matched, list] = ACTION.exec(action) ?? [];
      if (matched === undefined) return undefined;
      if (list !== undefined) {
        const found = configs.get(called.name);
        return lambdaJson(200, {
          FunctionEventInvokeConfigs: found === undefined ? [] : [described(called.name, found)],
        });
      }
      switch (call.method) {
        case 'PUT':
          return put(called, read(bodyOf(call)));
        case 'POST':
          return put(called, { ...stored(called).config, ...read(bodyOf(call)) });
        case 'GET':
          return lambdaJson(200, described(called.name, stored(called)));
        case 'DELETE':
          stored(called);
          configs.delete(called.name);
          return noContent;
        default:
          return undefined;
      }
    },
  } satisfies EventInvokeConfigs);
};

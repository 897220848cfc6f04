import type { JsonObject } from './template.ts';
import type { Json } from '#primitives/table';

/** The parts of a function's definition that the plugin reads; `environment` and `events` it also writes. */
export interface FunctionDefinition {
  readonly name: string;
  timeout?: number;
  readonly memorySize?: number;
  readonly reservedConcurrency?: number;
  readonly maximumRetryAttempts?: number;
  readonly maximumEventAge?: number;
  readonly destinations?: Json;
  /** The queue or topic that gets the events of asynchronous invocations that were given up. */
  readonly onError?: Json;
  readonly url?: Json;
  events: readonly JsonObject[];
  environment?: Readonly<Record<string, Json>>;
}

/** The parts of the service that the plugin reads, and where noted writes. */
export interface Service {
  readonly service: string;
  readonly provider: {
    readonly region: string;
    readonly stage: string;
    readonly timeout?: number;
    readonly memorySize?: number;
    environment?: Readonly<Record<string, Json>>;
  };
  /** Other plugins read their settings here: the plugin adds to them. */
  custom?: Record<string, Json>;
  readonly functions: Readonly<Record<string, FunctionDefinition>>;
  readonly resources?: Json;
}

/** What the framework hands to a plugin, as far as this one uses it. */
export interface Framework {
  readonly service: Service;
  readonly serviceDir: string;
  getProvider(name: 'aws'): {
    readonly naming: {
      getLambdaLogicalId(functionKey: string): string;
      getQueueLogicalId(functionKey: string, queueName: string): string;
    };
  };
}

/** The limits of a function that says nothing: those of the framework, which the template then states. */
const DEFAULT_TIMEOUT_S = 6;
const DEFAULT_MEMORY_MB = 1_024;

export const timeoutOf = ({ provider }: Service, definition: FunctionDefinition): number =>
  definition.timeout ?? provider.timeout ?? DEFAULT_TIMEOUT_S;

export const memoryOf = ({ provider }: Service, definition: FunctionDefinition): number =>
  definition.memorySize ?? provider.memorySize ?? DEFAULT_MEMORY_MB;

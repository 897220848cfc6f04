import { checkInteger, checkNames, checkText, refuse } from '../checks.ts';
import type { Clock } from '../clock.ts';
import type { InvocationOutcome, Invoker } from '../invoker.ts';
import { MAX_ASYNC_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES, payloadText } from '../payload.ts';
import type { Json } from '../table.ts';
import { memoryWire, type MemoryWire, type Operation } from './wire.ts';

/** Nothing, like null, is the answer `null`. */
export type MemoryFunction = (payload: Json) => Json | void | Promise<Json | void>;

export interface MemoryInvoker extends Invoker {
  /**
   * Makes a function callable, or replaces it.
   *
   * @param options.reservedConcurrency How many of it run at a time; further calls are throttled. Default: no limit.
   */
  register(name: string, run: MemoryFunction, options?: { readonly reservedConcurrency?: number }): void;
  /** Calls by `invokeAsync` that are not over: running, or waiting to be repeated. */
  pendingCount(): number;
}

export interface MemoryInvokerOptions {
  readonly clock: Clock;
  /** The functions to begin with, by name. */
  readonly functions?: Readonly<Record<string, MemoryFunction>>;
  readonly wire?: MemoryWire;
}

/** Waits before the two repeats of an asynchronous call. @see https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html */
const REPEAT_AFTER_MS: readonly number[] = [60_000, 120_000];
/** How many asynchronous calls may be waiting; beyond it they are throttled. */
const MAX_PENDING_COUNT = 100_000;

interface Registered {
  readonly run: MemoryFunction;
  readonly reservedConcurrency: number;
  running: number;
}

/** What crosses between caller and function is text, as on AWS: neither keeps a hold of the other's objects. */
const parsed = (text: string): Json => JSON.parse(text) as Json;

const failure = (error: unknown): InvocationOutcome => ({
  status: 'failed',
  errorType: error instanceof Error ? error.name : typeof error,
  message: error instanceof Error ? error.message : String(error),
});

/** Waits for `work` or the abort, whichever is first. */
const orAbort = async <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
  if (signal === undefined) return work;
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  // The work has begun already, and may have aborted it.
  if (signal.aborted) abort();
  try {
    return await Promise.race([promise, work]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
};

/** Functions in memory, called by name: concurrency limits, failures as values, and repeats of asynchronous calls. */
export const memoryInvoker = (options: MemoryInvokerOptions): MemoryInvoker => {
  checkNames(options, ['clock', 'functions', 'wire']);
  const { clock, functions = {}, wire = memoryWire() } = options;
  const registered = new Map<string, Registered>();
  let pendingCount = 0;

  const register: MemoryInvoker['register'] = (name, run, { reservedConcurrency = Infinity } = {}) => {
    checkText('name', name, 1, 140);
    if (reservedConcurrency !== Infinity) checkInteger('reservedConcurrency', reservedConcurrency, 0, 1000);
    registered.set(name, { run, reservedConcurrency, running: 0 });
  };
  for (const [name, run] of Object.entries(functions)) register(name, run);

  const find = (name: string): Registered => {
    const found = registered.get(name);
    if (found === undefined) throw refuse('functionName', 'the name of a registered function', name);
    return found;
  };
  const operation = (name: string): Operation => ({
    primitive: 'function',
    name,
    operation: 'lambda.Invoke',
    isWrite: true,
    entryCount: 1,
  });

  const run = async (name: string, text: string): Promise<InvocationOutcome> => {
    const found = find(name);
    if (found.running >= found.reservedConcurrency) return { status: 'throttled' };
    found.running += 1;
    try {
      const answer = (await found.run(parsed(text))) ?? null;
      return { status: 'answered', payload: parsed(payloadText(answer, MAX_PAYLOAD_BYTES)) };
    } catch (error) {
      return failure(error);
    } finally {
      found.running -= 1;
    }
  };

  const runWithRepeats = async (name: string, text: string): Promise<void> => {
    pendingCount += 1;
    try {
      let outcome = await run(name, text);
      for (const waitMs of REPEAT_AFTER_MS) {
        if (outcome.status === 'answered') return;
        await clock.sleep(waitMs);
        outcome = await run(name, text);
      }
    } finally {
      pendingCount -= 1;
    }
  };

  return Object.freeze<MemoryInvoker>({
    register,
    pendingCount: () => pendingCount,
    invoke: async (name, payload, signal) => {
      signal?.throwIfAborted();
      find(name);
      const text = payloadText(payload, MAX_PAYLOAD_BYTES);
      return orAbort(
        wire.call(operation(name), async () => Object.freeze(await run(name, text))),
        signal,
      );
    },
    invokeAsync: async (name, payload) => {
      find(name);
      const text = payloadText(payload, MAX_ASYNC_PAYLOAD_BYTES);
      return wire.call(operation(name), () => {
        if (pendingCount >= MAX_PENDING_COUNT) return { status: 'throttled' };
        void runWithRepeats(name, text);
        return { status: 'accepted' };
      });
    },
  });
};

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Log } from '#primitives/log';
import { systemRandom } from '#primitives/system-random';
import { startDynoxide, type Dynoxide } from './embedded/dynoxide.ts';
import { startEndpoint, type Endpoint } from './embedded/endpoint.ts';
import { faultInjector, type FaultInjector } from './embedded/faults.ts';
import { startEventSources } from './event-sources/runner.ts';
import { ACCOUNT_ID, REGION } from './plugin/account.ts';

/**
 * Batches at once of one event source, where AWS has 1 250: each is a thread of about 25 MB, and more than four finish no
 * job sooner on the two cores that everybody has.
 */
const MAX_BATCHES_AT_ONCE = 4;

export interface Primitives {
  readonly endpoint: Endpoint;
  readonly faults: FaultInjector;
  /** Resolves with the reason when something broke that the stack cannot do without. Pending otherwise. */
  readonly failed: Promise<Error>;
  /** Stops taking messages, and waits (bounded) for the batches that functions work on. */
  drain(): Promise<void>;
  /** Drains, then ends everything it started. */
  stop(): Promise<void>;
}

export interface PrimitivesOptions {
  readonly port: number;
  readonly adminToken: string;
  readonly service: string;
  readonly stage: string;
  /** Keep the tables on disk there. In memory when absent. */
  readonly dataDir?: string;
  readonly upstream?: string;
  /** How often items past their time to live are removed. */
  readonly ttlSweepMs?: number;
  /** The wait before an asynchronous invocation is tried again. */
  readonly asyncRetryDelayMs?: number;
  readonly functionHost: () => { readonly lambdaUrl: string } | undefined;
  readonly crashHost: () => void;
  readonly log: Log;
}

const startTables = async (options: PrimitivesOptions): Promise<Dynoxide | undefined> => {
  if (options.upstream !== undefined) return undefined;
  if (options.dataDir === undefined) return startDynoxide({ log: options.log });
  await mkdir(options.dataDir, { recursive: true });
  return startDynoxide({ log: options.log, dbPath: path.join(options.dataDir, 'tables.db') });
};

/**
 * Starts what the functions work on: the AWS endpoint with the queues, topics, buckets and buses inside it, the tables
 * beside it, and the event sources that feed the functions.
 */
export const startPrimitives = async (options: PrimitivesOptions): Promise<Primitives> => {
  const { log } = options;
  const tables = await startTables(options);
  const faults = faultInjector({ random: systemRandom(), service: options.service, stage: options.stage });
  try {
    const endpoint = await startEndpoint({
      port: options.port,
      region: REGION,
      accountId: ACCOUNT_ID,
      ...(tables === undefined ? {} : { dynamodbUrl: tables.url }),
      ...(options.upstream === undefined ? {} : { upstream: options.upstream }),
      ...(options.ttlSweepMs === undefined ? {} : { ttlSweepMs: options.ttlSweepMs }),
      adminToken: options.adminToken,
      functionHost: options.functionHost,
      crashHost: options.crashHost,
      asyncRetryDelayMs: options.asyncRetryDelayMs,
      faults,
      log,
    });
    const sources = startEventSources({
      endpointUrl: endpoint.url,
      mappings: endpoint.mappings,
      invoke: endpoint.invoke,
      hostIsUp: () => options.functionHost() !== undefined,
      log,
      capCount: MAX_BATCHES_AT_ONCE,
    });
    const failed = Promise.withResolvers<Error>();
    let stopping = false;
    void tables?.exited.then(({ code, signal }) => {
      if (!stopping)
        failed.resolve(
          new Error(
            `The tables (dynoxide) ended (${signal ?? `exit code ${code}`}), and what they held is gone. Start again; with --data-dir DIR tables survive.`,
          ),
        );
    });
    return Object.freeze({
      endpoint,
      faults,
      failed: failed.promise,
      drain: () => sources.stop(),
      stop: async () => {
        stopping = true;
        await sources.stop();
        await endpoint.close();
        await tables?.stop();
      },
    });
  } catch (error) {
    await tables?.stop();
    throw error;
  }
};

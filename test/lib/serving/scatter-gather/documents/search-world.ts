import { memoryClock } from '#primitives/memory/clock';
import { memoryInvoker } from '#primitives/memory/invoker';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';
import { retryBudget } from '#resilience/retry-budget';
import { documentSearch, type DocumentSearchOptions } from '#serving/scatter-gather/documents/document-search';
import { functionLeaf } from '#serving/scatter-gather/documents/function-leaf';
import { indexer } from '#serving/scatter-gather/documents/indexer';
import { indexReader, indexStore } from '#serving/scatter-gather/documents/index-store';
import { leafName } from '#serving/scatter-gather/documents/leaf-of';
import { leafSearch } from '#serving/scatter-gather/documents/leaf-search';
import type { Document } from '#serving/scatter-gather/documents/types';

export const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };

export interface SearchWorldOptions {
  readonly leafCount: number;
  readonly maxDocumentCount?: number;
  readonly intercept?: Intercept;
  readonly policy?: Partial<DocumentSearchOptions>;
}

/** The whole search in memory: indexer, leaves as functions, root. */
export const searchWorld = (options: SearchWorldOptions) => {
  const { leafCount, maxDocumentCount = 100_000, policy = {} } = options;
  const clock = memoryClock();
  const random = seededRandom(1);
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept });
  const objects = memoryObjects({ name: 'index', wire });
  const table = memoryTable({ name: 'heads', clock, wire });
  const deadLetters = memoryQueue({ name: 'dead-letters', clock, random, wire });
  const invoker = memoryInvoker({ clock, wire });
  const store = indexStore({ objects, table, random, leafCount });
  const names = Array.from({ length: leafCount }, (_, leaf) => leafName(leaf));
  /** What happens to the next invocations, by leaf, instead of the leaf itself. */
  const broken = new Map<string, (payload: Json) => Promise<Json>>();
  for (const [leaf, name] of names.entries()) {
    const search = leafSearch({ leaf, store: indexReader(objects), clock, heldCount: 2 });
    invoker.register(`function-${name}`, (payload) => (broken.get(name) ?? search)(payload));
  }
  const search = documentSearch({
    leaves: names.map((name) => ({
      name,
      replicas: [functionLeaf({ name, functionName: `function-${name}`, invoker, clock, random })],
    })),
    store,
    clock,
    log: quiet,
    refreshMs: 0,
    deadlineMs: 1_000,
    quorum: 1,
    retryCount: 0,
    budget: retryBudget({ ratio: 1, burstCount: 100, initialCount: 100 }),
    ...policy,
  });
  const index = indexer({ store, deadLetters, clock, random, log: quiet, maxDocumentCount });
  let sentCount = 0;
  const message = (body: string, sentAtMs = (sentCount += 1)) => ({ id: `message-${sentAtMs}`, body, sentAtMs });
  return {
    clock,
    wire,
    objects,
    table,
    deadLetters,
    invoker,
    store,
    broken,
    search,
    message,
    index: (messages: readonly ReturnType<typeof message>[]) => clock.until(index(messages, 10_000)),
    /** Puts documents in, as one message would. */
    put: (documents: readonly Document[]) =>
      clock.until(index([message(JSON.stringify({ documents: [...documents] }))], 10_000)),
    ids: async (text: string, limit = 10): Promise<readonly string[]> => {
      const found = await clock.until(search.search(text, { limit }));
      return found.status === 'too-few' ? [] : found.answer.map(({ id }) => id);
    },
  };
};

import { partialBatch } from '#batch/partial-batch';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import { memoryClock } from '#primitives/memory/clock';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { quiet } from '../../work-queue/world.ts';

const VISIBILITY_MS = 30_000;

/** Reductions in memory, and what the event source does. */
export const reductionWorld = (options: { readonly intercept?: Intercept; readonly maxReceiveCount?: number } = {}) => {
  const clock = memoryClock();
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept });
  const table = memoryTable({ name: 'state', clock, wire });
  const bucket = memoryObjects({ name: 'texts', wire });
  const queue = memoryQueue({ name: 'reductions', clock, wire, visibilityMs: VISIBILITY_MS });
  const deadLetters = memoryQueue({ name: 'reductions-dead-letters', clock, wire });
  const how = {
    table,
    queue,
    bucketOf: () => bucket,
    clock,
    random: seededRandom(1),
    log: quiet,
    keepMs: 3_600_000,
  };
  const api = reductions(how);
  const { maxReceiveCount = 5 } = options;
  const consume = reductionConsumer({ ...how, deadLetters, patience: 3, maxReceiveCount });

  const poll = async (): Promise<number> => {
    const messages = await queue.receive({ maxCount: 4 });
    const { batchItemFailures } = await partialBatch(messages, consume, { concurrency: 1 });
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    await queue.deleteBatch(messages.filter(({ id }) => !failed.has(id)).map(({ receipt }) => receipt));
    return messages.length;
  };
  return {
    api,
    clock,
    wire,
    table,
    bucket,
    queue,
    deadLetters,
    until: <T>(work: Promise<T>): Promise<T> => clock.until(work),
    send: (body: unknown) =>
      clock.until(queue.sendBatch([{ body: typeof body === 'string' ? body : JSON.stringify(body) }])),
    /** Handles what is visible. */
    drain: async (): Promise<void> => {
      while ((await clock.until(poll())) > 0);
    },
    /** What failed is visible again. */
    later: () => clock.advance(VISIBILITY_MS + 1_000),
  };
};

import { partialBatch } from '#batch/partial-batch';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import type { JoinOptions } from '#batch/coordinated/join/store';
import { memoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { quiet } from '../../work-queue/world.ts';

const VISIBILITY_MS = 30_000;
const PATIENCE = 3;

/** Joins in memory, and what the event source does, step by step. */
export const joinWorld = (options: { readonly intercept?: Intercept; readonly hostOffsetMs?: number } = {}) => {
  const clock = memoryClock();
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept });
  const [table, effects] = [memoryTable({ name: 'state', clock, wire }), memoryTable({ name: 'effects', clock, wire })];
  const bus = memoryBus({ name: 'events', clock, wire });
  const [queue, deadLetters] = ['joins', 'joins-dead-letters'].map((name) =>
    memoryQueue({ name, clock, wire, visibilityMs: VISIBILITY_MS }),
  ) as [ReturnType<typeof memoryQueue>, ReturnType<typeof memoryQueue>];
  const joinOptions: JoinOptions = {
    table,
    effects,
    bus,
    queue,
    clock: clock.withOffset(options.hostOffsetMs ?? 0),
    random: seededRandom(1),
    log: quiet,
    keepMs: 3_600_000,
    watch: { firstMs: 5_000, limitMs: 300_000 },
  };
  const api = joins(joinOptions);
  const consume = joinConsumer({ ...joinOptions, deadLetters, patience: PATIENCE });

  /** Handles what is visible now; how many messages that were. */
  const poll = async (): Promise<number> => {
    const messages = await queue.receive({ maxCount: 10 });
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
    effects,
    bus,
    queue,
    deadLetters,
    poll: () => clock.until(poll()),
    /** Lets time pass in steps, and handles what comes. */
    pass: async (ms: number, stepMs = 1_000): Promise<void> => {
      for (let passed = 0; passed < ms; passed += stepMs) {
        await clock.advance(stepMs);
        while ((await clock.until(poll())) > 0);
      }
    },
    /** One after the other, in one go. */
    arriveAll: (joinId: string, names: readonly string[]): Promise<void> => {
      const all = async (): Promise<void> => {
        for (const name of names) await api.arrive(joinId, name);
      };
      return clock.until(all());
    },
    /** Waits on virtual time. */
    until: <T>(work: Promise<T>): Promise<T> => clock.until(work),
  };
};

export const namesOf = (count: number): readonly string[] => Array.from({ length: count }, (_, index) => `b${index}`);

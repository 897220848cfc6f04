import type { Clock } from '#primitives/clock';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { idempotency, type Idempotency, type IdempotencyOptions, type Work } from '#resilience/idempotency';

export const IN_PROGRESS_MS = 10_000;
const KEEP_MS = 60_000;
export const WAIT = { mode: 'wait', waitMs: 20_000, pollMs: 200 } as const;
export const JOIN = { mode: 'join', waitMs: 20_000, pollMs: 200 } as const;

/** One table and one clock; each `host()` is a process of its own, with a cache of its own. */
export const idempotentWorld = (intercept?: Intercept) => {
  const clock = memoryClock();
  const random = seededRandom(7);
  const wire = memoryWire(intercept === undefined ? {} : { intercept });
  const table = memoryTable({ name: 'idempotency', clock, wire });
  const host = (options: Partial<IdempotencyOptions> = {}): Idempotency =>
    idempotency({ table, clock, random, inProgressMs: IN_PROGRESS_MS, keepMs: KEEP_MS, ...options });
  return { clock, wire, table, host };
};

/** Work that takes a while, and says in its answer which run it was. */
export const slowWork = (clock: Clock, tookMs: number) => {
  const operationIds: string[] = [];
  const work = async (operationId: string): Promise<Work> => {
    operationIds.push(operationId);
    const answer = { run: operationIds.length };
    if (tookMs > 0) await clock.sleep(tookMs);
    return { answer, keep: true };
  };
  return { operationIds, work };
};

/** Work that ends when, and how, the test says. */
export const heldWork = () => {
  const { promise, resolve, reject } = Promise.withResolvers<Work>();
  return {
    end: (answer: Work['answer']) => resolve({ answer, keep: true }),
    fail: reject,
    work: () => promise,
  };
};

import { locks } from '#serving/ownership-election/locks';
import type { Clock } from '#primitives/clock';
import { memoryClock } from '#primitives/memory/clock';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { faults } from '#primitives/memory/faults';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';

/** Hosts whose clocks have nothing in common, and one table. Faults hit the calls in their order. */
export const hosts = (rules: readonly FaultRule[] = [], intercept?: Intercept) => {
  const time = memoryClock();
  const injector = faults({ clock: time, random: seededRandom(1), rules });
  const wire = memoryWire({ intercept: intercept ?? injector.intercept });
  const table = memoryTable({ name: 'locks', clock: time, wire });
  let count = 0;
  /** @param skewMs What the host's wall clock is off by. */
  const host = (skewMs = 0) => {
    count += 1;
    const offsetMs = count * 1_234_567;
    const clock: Clock = {
      nowMs: () => time.nowMs() + skewMs,
      monotonicMs: () => time.monotonicMs() + offsetMs,
      sleep: time.sleep,
    };
    const random = seededRandom(count);
    return { clock, random, table, store: locks({ table, clock, random }) };
  };
  return { time, table, wire, host };
};

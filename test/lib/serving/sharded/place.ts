import { UnavailableError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Operation } from '#primitives/memory/wire';
import { hostOf, shardName, type ClusterOptions } from './cluster.ts';

/** A place with hosts that share nothing but the tables. */
export const place = (how: Partial<ClusterOptions> = {}) => {
  const clock = memoryClock();
  let calls: Operation[] = [];
  const down = new Set<string>();
  const hanging = new Set<string>();
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      calls.push(operation);
      // As long as an SDK tries: three times 5 s.
      if (operation.name.split(',').some((name) => hanging.has(name))) {
        await clock.sleep(15_000);
        throw new UnavailableError(operation.name);
      }
      if (operation.name.split(',').some((name) => down.has(name))) throw new UnavailableError(operation.name);
      return apply();
    },
  });
  const tableNamed = (name: string) => memoryTable({ name, clock, wire });
  const tables = Array.from({ length: 8 }, (_, index) => tableNamed(shardName(index)));
  const control = tableNamed('control');
  const random = seededRandom(1);
  return {
    clock,
    tables,
    control,
    /** Names of tables that refuse everything. */
    down,
    /** Names of tables that do not answer. */
    hanging,
    host: (own: Partial<ClusterOptions> = {}) => hostOf({ control, tables, clock, random, ...how, ...own }),
    until: clock.until,
    /** The calls of `work`. */
    callsOf: async (work: () => Promise<unknown>): Promise<readonly string[]> => {
      calls = [];
      await clock.until(work());
      return calls.map(({ operation }) => operation.replace('dynamodb.', ''));
    },
  };
};

import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import type { Table, TransactionOutcome, Write } from '#primitives/table';

const TRIES = 5;
const BASE_MS = 20;

/** Writes all or nothing; undefined when written, else the records that stood against it, in the order of the writes. */
export type Transact = (
  writes: readonly Write[],
) => Promise<Extract<TransactionOutcome, { readonly status: 'refused' }>['refusals'] | undefined>;

/**
 * Transactions that go again when they met another one, after a wait by chance, five times in all.
 *
 * @throws {@link UnavailableError} when they always met one
 */
export const transactions =
  ({ table, clock, random }: { readonly table: Table; readonly clock: Clock; readonly random: Random }): Transact =>
  async (writes) => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const outcome = await table.transact(writes);
      if (outcome.status === 'written') return undefined;
      if (outcome.status === 'refused') return outcome.refusals;
      await clock.sleep(random.next() * BASE_MS * 2 ** tries);
    }
    throw new UnavailableError(`${table.name}: ${TRIES} transactions met others`);
  };

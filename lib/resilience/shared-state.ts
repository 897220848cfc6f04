import type { Clock } from '#primitives/clock';
import { OutcomeUnknownError } from '#primitives/errors';
import { absent, equals, not, or, type Condition, type Fields, type Table } from '#primitives/table';
import { withTimeout } from './with-timeout.ts';

/** The state of a breaker as the fleet has it. No record: closed, and never opened. */
export interface SharedState {
  readonly mark: string | undefined;
  readonly isOpen: boolean;
}

export type SharedWrite = { readonly status: 'ours' } | { readonly status: 'theirs'; readonly current: SharedState };

/** One record for each breaker: `{status, mark, changedAtMs}`. */
export interface SharedStates {
  read(): Promise<SharedState>;
  /** Makes the state ours under `mark` when `condition` holds. Rejects when nobody knows, or the table fails. */
  write(status: 'open' | 'closed', mark: string, condition: Condition): Promise<SharedWrite>;
}

const LOST_ANSWERS_LIMIT = 3;

const stateOf = (record: Fields | undefined): SharedState => {
  const { mark, status } = record ?? {};
  return typeof mark === 'string' ? { mark, isOpen: status === 'open' } : { mark: undefined, isOpen: false };
};

/** The state that was seen last is still the state. */
export const isStill = (mark: string | undefined): Condition =>
  mark === undefined ? absent('mark') : equals('mark', mark);
export const isNotOpen = (): Condition => or(absent('mark'), not(equals('status', 'open')));

/**
 * The shared state in a table. A refusal by the own mark is the own write, whose answer was lost. Everything ends within
 * `limitMs`: the breaker is there to save its callers from waiting.
 */
export const sharedStates = (table: Table, clock: Clock, name: string, limitMs: number): SharedStates => {
  const key = { partition: `breaker/${name}`, sort: 'state' };
  const inTime = withTimeout({ clock, timeoutMs: limitMs });

  return Object.freeze<SharedStates>({
    read: () => inTime(async () => stateOf(await table.get(key))),
    write: (status, mark, condition) =>
      inTime(async ({ signal }) => {
        // When it was written is for people who look at the table; no host decides by it.
        const fields = { status, mark, changedAtMs: clock.nowMs() };
        for (let lostCount = 0; ;) {
          try {
            const outcome = await table.put({ key, fields, condition });
            if (outcome.status === 'written') return { status: 'ours' };
            const current = stateOf(outcome.current);
            return current.mark === mark ? { status: 'ours' } : { status: 'theirs', current };
          } catch (error) {
            lostCount += 1;
            const isWorthwhile = error instanceof OutcomeUnknownError && lostCount < LOST_ANSWERS_LIMIT;
            if (!isWorthwhile || signal.aborted) throw error;
          }
        }
      }),
  });
};

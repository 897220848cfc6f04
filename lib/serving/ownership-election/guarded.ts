import { checkInteger, refuse } from '#primitives/checks';
import {
  absent,
  and,
  atMost,
  or,
  type Condition,
  type Fields,
  type Key,
  type Put,
  type Table,
} from '#primitives/table';

/** The field in which a guarded record keeps the highest token that has written it. */
const FENCE = 'fence';

export interface GuardedPut {
  readonly key: Key;
  /** Without a field `fence`. */
  readonly fields: Fields;
  /** Of the writer's tenure: an integer from 0 on. */
  readonly token: number;
  /** Must hold besides. */
  readonly condition?: Condition;
}

export type GuardedOutcome =
  | { readonly status: 'written' }
  /** A higher token has written before: whoever holds this one has been succeeded. Nothing was changed. */
  | { readonly status: 'fenced'; readonly token: number }
  /** The caller's own condition did not hold. */
  | { readonly status: 'refused'; readonly current: Fields | undefined };

export interface GuardedRecord {
  readonly fields: Fields;
  /** The highest token that has written it. */
  readonly token: number;
}

/** A table that refuses who has been succeeded. */
export interface GuardedTable {
  readonly name: string;
  /** Replaces the record, unless a higher token has written it; decided in the write itself. Calls: 1. */
  put(put: GuardedPut): Promise<GuardedOutcome>;
  /** Calls: 1. */
  get(key: Key): Promise<GuardedRecord | undefined>;
}

const tokenOf = (fields: Fields | undefined): number => {
  const fence = fields?.[FENCE];
  return typeof fence === 'number' ? fence : -1;
};

/**
 * A put that a transaction can carry: it is refused when a higher token has written the record, and the transaction with
 * it.
 *
 * @throws {@link InvalidArgumentError} for a token that is no integer from 0 on, and for fields with a `fence`
 */
export const fencedPut = ({ key, fields, token, condition }: GuardedPut): Put => {
  checkInteger('token', token, 0, Number.MAX_SAFE_INTEGER);
  if (Object.hasOwn(fields, FENCE)) throw refuse('fields', `without '${FENCE}'`, FENCE);
  const isNotSucceeded = or(absent(FENCE), atMost(FENCE, token));
  return {
    key,
    fields: { ...fields, [FENCE]: token },
    condition: condition === undefined ? isNotSucceeded : and(isNotSucceeded, condition),
  };
};

/**
 * Enforces fencing tokens: of the writes to a record, one with a lower token than any before it is refused, whenever it
 * arrives. It asks nobody who the owner is, so it needs no clock and is right when all of them are wrong.
 *
 * Records have no expiry and are never deleted: with them the token would be forgotten, and the late write let in. Two
 * writes with one token are two writes of one owner, and the later one to arrive counts: who has several on their way
 * gives a `condition`.
 */
export const guarded = (table: Table): GuardedTable =>
  Object.freeze<GuardedTable>({
    name: table.name,
    put: async (put) => {
      const outcome = await table.put(fencedPut(put));
      if (outcome.status === 'written') return outcome;
      const token = tokenOf(outcome.current);
      return token > put.token ? { status: 'fenced', token } : { status: 'refused', current: outcome.current };
    },
    get: async (key) => {
      const record = await table.get(key);
      if (record === undefined) return undefined;
      const { [FENCE]: _, ...fields } = record;
      return { fields, token: tokenOf(record) };
    },
  });

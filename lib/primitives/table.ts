/**
 * What a field may hold: JSON, and at the top level of a record also a set of strings (never empty: leave the field out).
 * No field is named `pk`, `sk` or `ttl`; numbers are of magnitude 1e-130 to 9.9e125, or 0; nesting ends at 32; a record
 * takes 400 KiB. What is outside is an `InvalidArgumentError`, before anything is written.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };
export type FieldValue = Json | ReadonlySet<string>;
export type Fields = Readonly<Record<string, FieldValue>>;

/** Records with one `partition` are kept together, ordered by `sort` (UTF-8 byte order). Neither may be empty. */
export interface Key {
  /** 1..2048 bytes of UTF-8. */
  readonly partition: string;
  /** 1..1024 bytes of UTF-8. */
  readonly sort: string;
}

export interface TableRecord {
  readonly key: Key;
  readonly fields: Fields;
}

/**
 * A condition on the record under a key. Make them with {@link absent}, {@link equals}, … At most 300 parts, and 4 KB as
 * an expression of DynamoDB, in which a comparison is about 14 bytes: whatever the length of names and values.
 */
export type Condition =
  | { readonly kind: 'absent'; readonly field?: string }
  | { readonly kind: 'equals'; readonly field: string; readonly value: Json }
  | { readonly kind: 'lessThan'; readonly field: string; readonly value: number | string }
  | { readonly kind: 'atMost'; readonly field: string; readonly value: number | string }
  | { readonly kind: 'not'; readonly condition: Condition }
  | { readonly kind: 'and' | 'or'; readonly conditions: readonly Condition[] };

/** Holds when there is no record under the key, or, with a name, when the record has no such field (or is absent). */
export const absent = (field?: string): Condition =>
  field === undefined ? { kind: 'absent' } : { kind: 'absent', field };
/** Holds when the field is there and equals `value`, deeply. */
export const equals = (field: string, value: Json): Condition => ({ kind: 'equals', field, value });
/** Holds when the field is there, of the type of `value`, and less than it. */
export const lessThan = (field: string, value: number | string): Condition => ({ kind: 'lessThan', field, value });
/** Holds when the field is there, of the type of `value`, and at most it. */
export const atMost = (field: string, value: number | string): Condition => ({ kind: 'atMost', field, value });
export const not = (condition: Condition): Condition => ({ kind: 'not', condition });
/** @param conditions One or more. */
export const and = (...conditions: readonly Condition[]): Condition => ({ kind: 'and', conditions });
/** @param conditions One or more. */
export const or = (...conditions: readonly Condition[]): Condition => ({ kind: 'or', conditions });

interface Conditional {
  readonly condition?: Condition;
}

/** Replaces the whole record. */
export interface Put extends Conditional {
  readonly key: Key;
  readonly fields: Fields;
  /**
   * From this instant on the table may remove the record by itself: within minutes locally, on AWS within days.
   * Readers never rely on it. An instant more than five years past is none: such a record stays.
   */
  readonly expiresAtMs?: number;
}

/**
 * Changes fields of a record, which is made when it is not there. It changes at least one field or the expiry, and names
 * each field once: about 330 fields, since all changes together are at most 4 KB as an expression of DynamoDB.
 */
export interface Update extends Conditional {
  readonly key: Key;
  readonly set?: Fields;
  readonly remove?: readonly string[];
  /** Adds members to sets of strings. Unlike a counter this can be repeated: the second time changes nothing. */
  readonly union?: Readonly<Record<string, readonly string[]>>;
  readonly expiresAtMs?: number;
}

export interface Delete extends Conditional {
  readonly key: Key;
}

/** A condition that must hold for the transaction, on a record that it does not write. */
export interface Check {
  readonly key: Key;
  readonly condition: Condition;
}

export type Write =
  | ({ readonly kind: 'put' } & Put)
  | ({ readonly kind: 'update' } & Update)
  | ({ readonly kind: 'delete' } & Delete)
  | ({ readonly kind: 'check' } & Check);

/** `refused`: the condition did not hold, nothing was written; `current` is the record that stood against it. */
export type WriteOutcome =
  | { readonly status: 'written' }
  | { readonly status: 'refused'; readonly current: Fields | undefined };

/** `conflict`: another transaction held one of the records; nothing was written, and repeating it is right. */
export type TransactionOutcome =
  | { readonly status: 'written' }
  | {
      readonly status: 'refused';
      /** One entry for each write, in order: undefined where the write was not the reason. */
      readonly refusals: readonly ({ readonly current: Fields | undefined } | undefined)[];
    }
  | { readonly status: 'conflict' };

export interface Page {
  readonly records: readonly TableRecord[];
  /** The sort key to give as `after` for the next page; absent at the end. */
  readonly next?: string;
}

/**
 * One table of records. Every write is atomic for its record, `transact` for all of its records.
 *
 * A condition that fails is a value ({@link WriteOutcome}), not an exception. An answer that was lost is
 * `OutcomeUnknownError`: the write may have been applied. Note that the SDK itself repeats a call whose answer was
 * lost, and the repeat of an applied conditional write is *refused by its own effect*: put a token of yours into the
 * record and compare it with `current`.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
 */
export interface Table {
  readonly name: string;

  /** The record, or undefined. `consistent` (default true) sees every write that was answered before. */
  get(key: Key, options?: { readonly consistent?: boolean }): Promise<Fields | undefined>;

  /** Up to 100 records by one call, in the order of the keys, undefined where there is none. Not a snapshot. */
  getMany(keys: readonly Key[], options?: { readonly consistent?: boolean }): Promise<readonly (Fields | undefined)[]>;

  put(put: Put): Promise<WriteOutcome>;
  update(update: Update): Promise<WriteOutcome>;
  delete(del: Delete): Promise<WriteOutcome>;

  /**
   * A page of one partition, ordered by sort key. `limit` 1..1000 (default 1000) bounds the page; a page may be shorter
   * although there is more (a page of DynamoDB ends at 1 MB): go on while `next` is there.
   */
  query(options: {
    readonly partition: string;
    readonly sortPrefix?: string;
    /** Only records behind this sort key (before it, when descending). */
    readonly after?: string;
    readonly limit?: number;
    readonly descending?: boolean;
    readonly consistent?: boolean;
  }): Promise<Page>;

  /**
   * Writes all or nothing, 1..100 writes, each on another key; `table` of an entry may name another table of the same
   * backend. `token` (1..36 characters) makes repeats of the same call within ten minutes one transaction; while an
   * earlier one is still being applied, the repeat is an `OutcomeUnknownError`.
   */
  transact(
    writes: readonly (Write & { readonly table?: Table })[],
    options?: { readonly token?: string },
  ): Promise<TransactionOutcome>;

  /**
   * Up to 100 records, 4 MB in all, as they stood together at one instant, in order. Undefined as a whole on a conflict.
   * `table` of a key may name another table of the same backend.
   */
  transactGet(
    keys: readonly (Key & { readonly table?: Table })[],
  ): Promise<readonly (Fields | undefined)[] | undefined>;
}

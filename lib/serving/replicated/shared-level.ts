import { textOf } from '#primitives/field-values';
import type { Clock } from '#primitives/clock';
import { isRetryable } from '#primitives/errors';
import {
  absent,
  and,
  equals,
  or,
  type Condition,
  type Fields,
  type Json,
  type Key,
  type Table,
} from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';

/** What the shared level knows of a key. */
export interface SharedRecord {
  /** The last load that ended well; undefined when there is none. */
  readonly loaded:
    | {
        readonly version: string;
        /** Undefined: there was no value. */
        readonly value: Json | undefined;
        /** Since the load began: by this host's clock; and as old as it may be at most. Infinity: it comes from the future. */
        readonly ageMs: number;
        readonly worstAgeMs: number;
      }
    | undefined;
  /** The token of the host that loads now. */
  readonly lease: string | undefined;
  /** The last load that failed, until one ends well. */
  readonly failure: { readonly lease: string; readonly message: string; readonly retryable: boolean } | undefined;
}

export interface SharedLevel {
  read(key: string): Promise<SharedRecord | undefined>;
  /**
   * Takes the lease of a key, if nothing has been loaded since `basis` was read and nobody has it but `deadLease`.
   * `mine`, or the record that stands against it.
   */
  acquire(
    key: string,
    token: string,
    basis: SharedRecord | undefined,
    deadLease: string | undefined,
  ): Promise<'mine' | SharedRecord | undefined>;
  /**
   * Writes what the holder of the lease has loaded, and ends the lease. A former holder changes nothing.
   *
   * @param loadedForMs Since the load began: no value is younger on another host than on the one that has loaded it.
   */
  store(key: string, token: string, value: Json | undefined, loadedForMs: number): Promise<void>;
  /** Ends the lease and tells those who wait that the load failed. */
  fail(key: string, token: string, error: unknown): Promise<void>;
  drop(key: string): Promise<void>;
}

const SORT = 'value';
const MESSAGE_LIMIT = 300;

const failureOf = (fields: Fields): SharedRecord['failure'] => {
  const lease = textOf(fields['failedLease']);
  if (lease === undefined) return undefined;
  return { lease, message: textOf(fields['failure']) ?? '', retryable: fields['retryable'] === true };
};

/** Nothing has been loaded since `basis` was read. */
const unchangedSince = (basis: SharedRecord | undefined): Condition =>
  basis?.loaded === undefined ? absent('version') : equals('version', basis.loaded.version);

const isFree = (deadLease: string | undefined): Condition =>
  deadLease === undefined ? absent('lease') : or(absent('lease'), equals('lease', deadLease));

/**
 * Values and leases in a table, one record for each key. A lease is a token and nothing else: how long it has been there
 * is measured by whoever waits. When the load of a value began is the loader's wall clock, and read with a tolerance.
 *
 * @param options.keepMs How long a record is of use after its last write; then the table may remove it.
 */
export const sharedLevel = (options: {
  readonly table: Table;
  readonly name: string;
  readonly clock: Clock;
  readonly maxClockSkewMs: number;
  readonly keepMs: number;
}): SharedLevel => {
  const { table, name, clock, maxClockSkewMs, keepMs } = options;
  const keyOf = (key: string): Key => ({ partition: `cache/${name}/${key}`, sort: SORT });
  const expiresAtMs = (): number => clock.nowMs() + keepMs;

  const recordOf = (fields: Fields | undefined): SharedRecord | undefined => {
    if (fields === undefined) return undefined;
    const version = textOf(fields['version']);
    const atMs = fields['atMs'];
    const lease = textOf(fields['lease']);
    if (version === undefined || typeof atMs !== 'number')
      return { loaded: undefined, lease, failure: failureOf(fields) };
    const ageMs = clock.nowMs() - atMs;
    const value = textOf(fields['value']);
    const loaded = {
      version,
      // Written by `store`, which took it from a Json.
      value: value === undefined ? undefined : (JSON.parse(value) as Json),
      ageMs: Math.max(0, ageMs),
      worstAgeMs: ageMs < -maxClockSkewMs ? Infinity : Math.max(0, ageMs) + maxClockSkewMs,
    };
    return { loaded, lease, failure: failureOf(fields) };
  };

  const acquire: SharedLevel['acquire'] = async (key, token, basis, deadLease) => {
    const outcome = await untilAnswered(() =>
      table.update({
        key: keyOf(key),
        set: { lease: token },
        condition: and(unchangedSince(basis), isFree(deadLease)),
        expiresAtMs: expiresAtMs(),
      }),
    );
    if (outcome.status === 'written' || outcome.current?.['lease'] === token) return 'mine';
    return recordOf(outcome.current);
  };

  return Object.freeze<SharedLevel>({
    read: async (key) => recordOf(await table.get(keyOf(key))),
    acquire,
    store: async (key, token, value, loadedForMs) => {
      // The token is the version as well: one lease has one load. As text: a table keeps no order of names.
      const fields = {
        version: token,
        atMs: clock.nowMs() - loadedForMs,
        ...(value === undefined ? {} : { value: JSON.stringify(value) }),
      };
      await untilAnswered(() =>
        table.put({ key: keyOf(key), fields, condition: equals('lease', token), expiresAtMs: expiresAtMs() }),
      );
    },
    fail: async (key, token, error) => {
      const message = (error instanceof Error ? error.message : String(error)).slice(0, MESSAGE_LIMIT).toWellFormed();
      const retryable = isRetryable(error);
      await untilAnswered(() =>
        table.update({
          key: keyOf(key),
          set: { failedLease: token, failure: message, retryable },
          remove: ['lease'],
          condition: equals('lease', token),
        }),
      );
    },
    drop: async (key) => {
      await untilAnswered(() => table.delete({ key: keyOf(key) }));
    },
  });
};

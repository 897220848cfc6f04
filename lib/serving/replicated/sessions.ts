import { OutcomeUnknownError } from '#primitives/errors';
import { checkNames, checkNumber, checkText } from '#primitives/checks';
import { checkParts } from '#primitives/part-checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import {
  absent,
  and,
  atMost,
  equals,
  not,
  type Condition,
  type Fields,
  type Json,
  type Table,
  type WriteOutcome,
} from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import { shareable } from './shareable.ts';

export interface SessionsOptions {
  readonly table: Table;
  /** 1..64 bytes. Keeps apart sessions that share a table. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** A session that nobody touches for so long is over. 1_000 ms to 30 days. */
  readonly ttlMs: number;
}

export interface Session {
  readonly data: Json;
  /** Changes with each write. */
  readonly version: string;
  readonly expiresAtMs: number;
}

export type SessionOutcome =
  | { readonly status: 'stored'; readonly session: Session }
  /** The session is not the one that the caller has seen. */
  | { readonly status: 'conflict'; readonly session: Session | undefined };

export interface Sessions {
  /**
   * The session, whoever stored it. One that is over is not given, whether or not the table has removed it. When half of
   * its life is over, it begins anew: one more call.
   *
   * @param id 1..1024 bytes.
   */
  get(id: string): Promise<Session | undefined>;
  /**
   * Stores the whole session. What was answered is in the table: no replica that ends, drained or killed, takes a session
   * with it. With `version` only over the session that has it (`undefined` in an object: only where there is none).
   *
   * @throws {@link OutcomeUnknownError} when the answer was lost and, without a `version`, the session is now another
   *   one: whether that came before or after cannot be told, and to write again could undo it
   */
  put(id: string, data: Json, only?: { readonly version: string | undefined }): Promise<SessionOutcome>;
  /**
   * Ends the session; to end one that is over is no error.
   *
   * @throws {@link OutcomeUnknownError} when the answer was lost and there is a session now: it may be a new one
   */
  delete(id: string): Promise<void>;
}

const SORT = 'session';
const MAX_TTL_MS = 30 * 86_400_000;
const MAX_ID_BYTES = 1_024;

/**
 * Sessions in a table: any replica serves any session, so that replicas may come, go, drain and die. Expiry is judged by
 * the wall clock of the replica that reads: clocks that differ make a session end that much earlier or later.
 *
 * Calls: 1 each; a get that renews 2; one more when an answer was lost.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const sessions = (options: SessionsOptions): Sessions => {
  checkNames(options, ['table', 'name', 'clock', 'random', 'ttlMs']);
  const { table, name, clock, random, ttlMs } = options;
  checkParts({ table, clock, random });
  checkText('name', name, 1, 64);
  checkNumber('ttlMs', ttlMs, 1_000, MAX_TTL_MS);
  const keyOf = (id: string) => {
    checkText('id', id, 1, MAX_ID_BYTES);
    return { partition: `session/${name}/${id}`, sort: SORT };
  };

  const sessionOf = (fields: Fields | undefined): Session | undefined => {
    const { data, version, expiresAtMs } = fields ?? {};
    if (typeof data !== 'string' || typeof version !== 'string' || typeof expiresAtMs !== 'number') return undefined;
    // Written by `put`, which took it from a Json.
    return expiresAtMs <= clock.nowMs() ? undefined : { data: JSON.parse(data) as Json, version, expiresAtMs };
  };

  const renew = async (id: string, session: Session): Promise<Session> => {
    const expiresAtMs = clock.nowMs() + ttlMs;
    const outcome = await untilAnswered(() =>
      table.update({
        key: keyOf(id),
        set: { expiresAtMs },
        condition: equals('version', session.version),
        expiresAtMs,
      }),
    );
    // Stored anew since, or ended: what we have read was true when it was read.
    return outcome.status === 'written' ? { ...session, expiresAtMs } : session;
  };

  /**
   * A write that nothing keeps from being done twice is not repeated: once its answer was lost, another one may have come
   * behind it. It has been done when what is there now shows it; else what became of it stays unknown.
   */
  const onceOnly = async (
    id: string,
    write: () => Promise<WriteOutcome>,
    isDone: (now: Fields | undefined) => boolean,
  ): Promise<WriteOutcome> => {
    try {
      return await write();
    } catch (error) {
      if (!(error instanceof OutcomeUnknownError)) throw error;
      const isKnown = await table.get(keyOf(id)).then(isDone, () => false);
      if (!isKnown) throw error;
      return { status: 'written' };
    }
  };

  const conditionOf = (only: { readonly version: string | undefined }, nowMs: number): Condition =>
    only.version === undefined
      ? absentOrOver(nowMs)
      : and(equals('version', only.version), not(atMost('expiresAtMs', nowMs)));

  return Object.freeze<Sessions>({
    get: async (id) => {
      const session = sessionOf(await table.get(keyOf(id)));
      if (session === undefined || session.expiresAtMs - clock.nowMs() > ttlMs / 2) return session;
      return renew(id, session);
    },
    put: async (id, data, only) => {
      const nowMs = clock.nowMs();
      const session: Session = { data: shareable('data', data), version: random.uuid(), expiresAtMs: nowMs + ttlMs };
      const write = (): Promise<WriteOutcome> =>
        table.put({
          key: keyOf(id),
          // As text: a table keeps no order of names, and not every number.
          fields: { ...session, data: JSON.stringify(data) },
          expiresAtMs: session.expiresAtMs,
          ...(only === undefined ? {} : { condition: conditionOf(only, nowMs) }),
        });
      const outcome = await (only?.version === undefined
        ? onceOnly(id, write, (now) => now?.['version'] === session.version)
        : // No version comes twice: once it is replaced, by us or another one, a repeat is refused.
          untilAnswered(write));
      // Refused by our own write, whose answer was lost.
      if (outcome.status === 'written' || outcome.current?.['version'] === session.version)
        return { status: 'stored', session };
      return { status: 'conflict', session: sessionOf(outcome.current) };
    },
    delete: async (id) => {
      const write = (): Promise<WriteOutcome> => table.delete({ key: keyOf(id) });
      await onceOnly(id, write, (now) => sessionOf(now) === undefined);
    },
  });
};

const absentOrOver = (nowMs: number): Condition => ({
  kind: 'or',
  conditions: [absent(), atMost('expiresAtMs', nowMs)],
});

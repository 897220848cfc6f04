import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import { checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import { absent, and, equals, lessThan, or, type Condition, type Table } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import { dateMs, lockKey, nextBeat, readLock, type LockRecord } from './record.ts';
import { isForTaking, sightingsOf, type Sighting } from './sightings.ts';

export interface LocksOptions {
  /** Where the locks are: one record each, which nobody else writes, deletes or lets expire. */
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
}

/** Who holds, or held, a lock, and by which token. */
export interface Ownership {
  /** 1..256 bytes. */
  readonly holder: string;
  readonly token: number;
}

export interface Acquisition {
  readonly holder: string;
  /** 100..3_600_000. */
  readonly leaseMs: number;
  /** 1..64 bytes. Repeating an acquisition under its claim finds the first one's success. Default: a new one. */
  readonly claim?: string;
}

export type AcquireOutcome =
  | {
      readonly status: 'acquired';
      readonly token: number;
      readonly leaseMs: number;
      /** By the monotonic clock, before the write was sent: the lease ends `leaseMs` after it. */
      readonly sentAtMs: number;
    }
  | {
      readonly status: 'held';
      readonly holder: string;
      readonly token: number;
      /** When this host may take it over, if nothing is heard of the holder until then. */
      readonly takeableInMs: number;
    };

export type RenewOutcome =
  | { readonly status: 'renewed'; readonly sentAtMs: number }
  /** Somebody else holds it (`holder`), or nobody (empty). Nothing was changed. */
  | { readonly status: 'lost'; readonly holder: string };

export type ReleaseOutcome = { readonly status: 'released' } | { readonly status: 'lost'; readonly holder: string };

/** A lock as it stands, and for how long this host has seen it stand so. */
export interface Look {
  readonly record: LockRecord;
  readonly unchangedForMs: number;
  /** When this host may take it over, if nothing is heard of the holder until then; 0 when nobody holds it. */
  readonly takeableInMs: number;
}

/** Locks in a table, one call a verb. A name has 1..512 bytes. */
export interface Locks {
  /**
   * Takes the lock when nobody holds it, or when this host has watched its holder's silence for a whole lease. The token
   * is higher than every one before.
   *
   * Calls: 1; another when the lock's last beat is ahead of this host's clock, or it changed hands under the call.
   */
  acquire(name: string, acquisition: Acquisition): Promise<AcquireOutcome>;
  /** Begins the lease anew. Of a former holder, also of one that has released it, it changes nothing. Calls: 1. */
  renew(name: string, ownership: Ownership): Promise<RenewOutcome>;
  /** Lets go of the lock and keeps its token. Of a former holder it changes nothing. Calls: 1. */
  release(name: string, ownership: Ownership): Promise<ReleaseOutcome>;
  /** Reads the lock; undefined when it was never acquired. Watches it on the way. Calls: 1. */
  look(name: string): Promise<Look | undefined>;
  /** What this host knows of the lock. Calls: 0. */
  known(name: string): Look | undefined;
}

const TRIES = 4;
const WATCHED_LIMIT = 10_000;
const MAX_LEASE_MS = 3_600_000;
const MIN_LEASE_MS = 100;

/** @throws {@link InvalidArgumentError} when it is not a lease that a lock can have */
export const checkLease = (leaseMs: number): void => checkInteger('leaseMs', leaseMs, MIN_LEASE_MS, MAX_LEASE_MS);
/** @throws {@link InvalidArgumentError} when it cannot be the name of a lock */
export const checkName = (name: string): void => checkText('name', name, 1, 512);
/** @throws {@link InvalidArgumentError} when it cannot be a holder */
export const checkHolder = (holder: string): void => checkText('holder', holder, 1, 256);

const isFree = (beat: number): Condition => or(absent(), and(equals('holder', ''), lessThan('beat', beat)));
const isOwn = ({ holder, token }: Ownership, beat: number): Condition =>
  and(equals('holder', holder), equals('token', token), lessThan('beat', beat));

const takeableInMs = ({ record, seenAtMs }: Sighting, nowMs: number): number =>
  record.holder === '' ? 0 : Math.max(0, seenAtMs + record.leaseMs - nowMs);

/**
 * Locks with leases and fencing tokens.
 *
 * - **Clocks** of two hosts are never compared. Who waits counts a lease on its own monotonic clock from when it *saw*
 *   the last beat, who holds counts it from before it *sent* that beat: the holder's end comes first. The clocks must
 *   run equally fast; what they say is of no matter.
 * - **Tokens** strictly increase over acquisitions, also after release and expiry. Every write has a higher beat than the
 *   one before, by its condition: a delayed write that lands behind a newer one is refused.
 * - **Lost answers**: a write is repeated under the same nonce; when its own first attempt stands against it, it has
 *   succeeded. After three lost answers the error is raised and the lock may be ours: it is free again a lease later.
 * - **Crash** of the holder: who watches takes the lock over when the lease has ended for it; a host that has seen nothing
 *   yet watches for a lease first.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown
 * @see https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html (fencing)
 */
export const locks = (options: LocksOptions): Locks => {
  checkNames(options, ['table', 'clock', 'random']);
  const { table, clock, random } = options;
  checkParts({ table, clock, random });
  const sightings = sightingsOf(WATCHED_LIMIT);

  const lookAt = (sighting: Sighting | undefined): Look | undefined => {
    if (sighting === undefined) return undefined;
    const nowMs = clock.monotonicMs();
    const { record, seenAtMs } = sighting;
    return { record, unchangedForMs: nowMs - seenAtMs, takeableInMs: takeableInMs(sighting, nowMs) };
  };
  const saw = (name: string, record: LockRecord | undefined): LockRecord | undefined => {
    sightings.saw(name, record, clock.monotonicMs());
    return record;
  };
  const beatFor = (name: string): number => nextBeat(sightings.get(name)?.record.beat, clock.nowMs());

  /** Writes what the holder alone may write. Undefined: it is not the holder any more, as the record then seen says. */
  const change = async (
    name: string,
    own: Ownership,
    set: Partial<Pick<LockRecord, 'holder' | 'claim'>>,
  ): Promise<{ readonly sentAtMs: number } | { readonly holder: string }> => {
    checkName(name);
    checkHolder(own.holder);
    checkInteger('token', own.token, 0, Number.MAX_SAFE_INTEGER);
    const nonce = random.uuid();
    const sentAtMs = clock.monotonicMs();
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const known = sightings.get(name)?.record;
      const beat = beatFor(name);
      const changed = { ...set, beat, nonce };
      const outcome = await untilAnswered(() =>
        table.update({ key: lockKey(name), set: changed, condition: isOwn(own, beat) }),
      );
      if (outcome.status === 'written') {
        // Of a lock that this host knew nothing of, it does not know how long the lease is: it has seen nothing yet.
        saw(name, known?.token === own.token ? { ...known, ...changed } : undefined);
        return { sentAtMs };
      }
      const current = saw(name, readLock(outcome.current));
      if (current?.nonce === nonce) return { sentAtMs };
      const isStillOwn = current?.holder === own.holder && current.token === own.token;
      if (!isStillOwn) return { holder: current?.holder ?? '' };
    }
    throw new UnavailableError(`Lock ${name}: changed under every try`);
  };

  const renew: Locks['renew'] = async (name, own) => {
    const outcome = await change(name, own, {});
    return 'sentAtMs' in outcome ? { status: 'renewed', ...outcome } : { status: 'lost', ...outcome };
  };

  const acquire: Locks['acquire'] = async (name, acquisition) => {
    checkNames(acquisition, ['holder', 'leaseMs', 'claim']);
    const { holder, leaseMs, claim = random.uuid() } = acquisition;
    checkName(name);
    checkHolder(holder);
    checkLease(leaseMs);
    checkText('claim', claim, 1, 64);
    const nonce = random.uuid();
    const sentAtMs = clock.monotonicMs();
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const seen = sightings.get(name);
      const beat = beatFor(name);
      const isSilent = seen !== undefined && seen.record.holder !== '' && isForTaking(seen, clock.monotonicMs());
      const condition = isSilent ? equals('beat', seen.record.beat) : isFree(beat);
      const record: LockRecord = { holder, token: beat, beat, claim, nonce, leaseMs, sinceMs: dateMs(clock.nowMs()) };
      const outcome = await untilAnswered(() => table.put({ key: lockKey(name), fields: { ...record }, condition }));
      const current = saw(name, outcome.status === 'written' ? record : readLock(outcome.current));
      if (current?.nonce === nonce) return { status: 'acquired', token: current.token, leaseMs, sentAtMs };
      if (current?.claim === claim && current.holder === holder) {
        // Ours since an earlier call, whose answer was lost: the lease that is told to the caller begins now.
        const { token, leaseMs: ownLeaseMs } = current;
        const renewed = await renew(name, { holder, token });
        if (renewed.status === 'lost') continue;
        return { status: 'acquired', token, leaseMs: ownLeaseMs, sentAtMs: renewed.sentAtMs };
      }
      const look = lookAt(sightings.get(name));
      if (look !== undefined && look.takeableInMs > 0)
        return {
          status: 'held',
          holder: look.record.holder,
          token: look.record.token,
          takeableInMs: look.takeableInMs,
        };
    }
    throw new UnavailableError(`Lock ${name}: changed under every try`);
  };

  return Object.freeze<Locks>({
    acquire,
    renew,
    release: async (name, own) => {
      const outcome = await change(name, own, { holder: '', claim: '' });
      return 'sentAtMs' in outcome ? { status: 'released' } : { status: 'lost', ...outcome };
    },
    look: async (name) => {
      checkName(name);
      saw(name, readLock(await table.get(lockKey(name))));
      return lookAt(sightings.get(name));
    },
    known: (name) => lookAt(sightings.get(name)),
  });
};

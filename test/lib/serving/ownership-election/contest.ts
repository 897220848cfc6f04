import { election, type Election } from '#serving/ownership-election/election';
import { guarded } from '#serving/ownership-election/guarded';
import { readLock } from '#serving/ownership-election/record';
import type { Tenure } from '#serving/ownership-election/tenure';
import type { Clock } from '#primitives/clock';
import { memoryClock } from '#primitives/memory/clock';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { faults } from '#primitives/memory/faults';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire } from '#primitives/memory/wire';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';

export const LEASE_MS = 1_000;
export const POLL_MS = 100;
const LATENCY_MS = 10;
const SKEWS_MS = [0, 60_000, -60_000, 30_000, -45_000];
const KEY = { partition: 'resource', sort: 'value' };

/** What a plant replaces: what the checkers must find out. */
export interface Parts {
  readonly makeElection: (parts: { table: Table; clock: Clock; random: Random }) => Pick<Election, 'campaign'>;
  readonly isGuarded: boolean;
}

export const REAL: Parts = {
  makeElection: (parts) => election({ ...parts, leaseMs: LEASE_MS, pollMs: POLL_MS }),
  isGuarded: true,
};

export interface ContestOptions {
  readonly seed: number;
  readonly rules?: readonly FaultRule[];
  readonly parts?: Parts;
  /** Whether hosts stop for up to three leases, or for ever, now and then. */
  readonly isRough?: boolean;
  /** Whether winners resign of their own accord. Default true. */
  readonly isResigning?: boolean;
}

/** A takeover of a lock that was not released: how long after the holder's last write it came. */
export interface Takeover {
  readonly afterMs: number;
  readonly wasWatched: boolean;
}

/**
 * Five hosts, whose clocks differ, want the same lock and write the same resource under its token. A host can be paused:
 * nothing of it goes on, while what it has sent does, and its clock. Everything that the checkers need is noted as it
 * happens at the tables.
 */
export const contest = (options: ContestOptions) => {
  const { seed, rules = [], parts = REAL, isRough = false, isResigning = true } = options;
  const time = memoryClock();
  const random = seededRandom(seed);
  const injector = faults({ clock: time, random: seededRandom(seed + 1), rules });
  const accepted: number[] = [];
  const tokens: number[] = [];
  const overlaps: string[] = [];
  const takeovers: Takeover[] = [];
  const live = new Map<number, Tenure>();
  let fencedCount = 0;
  let pauseCount = 0;
  let killCount = 0;
  let last:
    | { readonly token: number; readonly beat: number; readonly holder: string; readonly atMs: number }
    | undefined;
  const pausedUntilMs = Array.from(SKEWS_MS, () => 0);
  const disturbedAtMs = Array.from(SKEWS_MS, () => 0);

  const noteLock = (): void => {
    const record = readLock(locksTable.dump()[0]?.fields);
    if (record === undefined || record.beat === last?.beat) return;
    const nowMs = time.monotonicMs();
    if (record.token !== last?.token) {
      tokens.push(record.token);
      const calmSinceMs = Math.max(0, nowMs - 3 * LEASE_MS);
      const before = last;
      if (before !== undefined && before.holder !== '')
        takeovers.push({
          afterMs: nowMs - before.atMs,
          // Some other host looked on all the while.
          wasWatched: disturbedAtMs.some((atMs, host) => `h${host}` !== before.holder && atMs < calmSinceMs),
        });
    }
    last = { token: record.token, beat: record.beat, holder: record.holder, atMs: nowMs };
  };
  const wire = memoryWire({
    intercept: async (operation, apply) => {
      await time.sleep(random.next() * LATENCY_MS);
      const answer = await injector.intercept(operation, async (without) => {
        const applied = await apply(without);
        if (operation.isWrite && operation.name === 'locks') noteLock();
        if (operation.isWrite && operation.name === 'resources') noteWrite();
        return applied;
      });
      await time.sleep(random.next() * LATENCY_MS);
      return answer;
    },
  });
  const locksTable = memoryTable({ name: 'locks', clock: time, wire });
  const resources = memoryTable({ name: 'resources', clock: time, wire });
  let lastWrite = '';
  const noteWrite = (): void => {
    const fields = resources.dump()[0]?.fields;
    const text = JSON.stringify(fields);
    if (fields === undefined || text === lastWrite) return;
    lastWrite = text;
    accepted.push(Number(fields['token']));
  };

  const host = (index: number) => {
    /** Nothing of a host that is paused goes on; of one that was killed never. */
    const awake = async (): Promise<void> => {
      for (;;) {
        const untilMs = pausedUntilMs[index] ?? 0;
        if (untilMs === Infinity) await new Promise(() => undefined);
        if (time.monotonicMs() >= untilMs) return;
        await time.sleep(untilMs - time.monotonicMs());
      }
    };
    const whenAwake = async <T>(call: Promise<T>): Promise<T> => {
      try {
        return await call;
      } finally {
        await awake();
      }
    };
    const clock: Clock = {
      nowMs: () => time.nowMs() + (SKEWS_MS[index] ?? 0),
      monotonicMs: () => time.monotonicMs() + index * 7_777_777,
      sleep: (ms, signal) => whenAwake(time.sleep(ms, signal)),
    };
    const through = (table: Table): Table => ({
      ...table,
      get: (key) => whenAwake(table.get(key)),
      put: (put) => whenAwake(table.put(put)),
      update: (update) => whenAwake(table.update(update)),
    });
    const own = seededRandom(seed * 100 + index);
    const { campaign } = parts.makeElection({ table: through(locksTable), clock, random: own });
    const guard = guarded(through(resources));
    let writeCount = 0;

    const pause = (ms: number): void => {
      const nowMs = time.monotonicMs();
      pausedUntilMs[index] = nowMs + ms;
      disturbedAtMs[index] = nowMs + ms;
    };
    /** Believes to be the holder when it decides to write, and may be paused before it does. */
    const write = async (held: Tenure): Promise<void> => {
      if (isRough && own.next() < 0.1) {
        pauseCount += 1;
        pause(own.next() * 3 * LEASE_MS);
      }
      await awake();
      writeCount += 1;
      const fields = { token: held.token, write: `${index}/${writeCount}` };
      try {
        if (!parts.isGuarded) return void (await resources.put({ key: KEY, fields }));
        if ((await guard.put({ key: KEY, fields, token: held.token })).status === 'fenced') fencedCount += 1;
      } catch {
        // The answer was lost: it may have been written.
      }
    };
    const noteOverlap = (held: Tenure): void => {
      live.set(index, held);
      if (!held.isHeld()) return;
      const others = [...live].filter(([other, tenure]) => other !== index && tenure.isHeld());
      for (const [other] of others) overlaps.push(`h${index} and h${other} at ${time.monotonicMs()}`);
    };
    const reign = async (held: Tenure): Promise<void> => {
      noteOverlap(held);
      for (let turns = 1 + own.next() * 6; turns > 0 && held.isHeld(); turns -= 1) {
        await write(held);
        await clock.sleep(50 + own.next() * 300);
        await held.renew().catch(() => false);
        noteOverlap(held);
      }
      if (isRough && own.next() < 0.05 && killCount < SKEWS_MS.length - 2) {
        killCount += 1;
        pause(Infinity);
        await awake();
      }
      if (isResigning || own.next() < 0.3) await held.resign().catch(() => false);
    };
    const run = async (untilMs: number): Promise<void> => {
      await time.sleep(own.next() * 20);
      while (time.monotonicMs() < untilMs) {
        await reign(await campaign('l', `h${index}`));
        await clock.sleep(own.next() * 100);
      }
    };
    return { run };
  };

  const all = SKEWS_MS.map((_, index) => host(index));
  return {
    time,
    accepted,
    tokens,
    overlaps,
    takeovers,
    counts: () => ({ fencedCount, pauseCount, killCount, faultCount: injector.injected().length }),
    go: async (ms: number): Promise<void> => {
      for (const { run } of all) void run(time.monotonicMs() + ms);
      await time.advance(ms);
    },
  };
};

import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, atMost, equals, or, type Table } from '#primitives/table';
import type { Election } from '#serving/ownership-election/election';
import { lockKey } from '#serving/ownership-election/record';
import type { Tenure } from '#serving/ownership-election/tenure';

/**
 * A lock as it is often written: the record says until when it is held, and everybody compares that with the own clock.
 * Planted: the checkers must find out what is wrong with it.
 */
export const wallClockLease = (options: {
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  readonly leaseMs: number;
}): Pick<Election, 'campaign'> => {
  const { table, clock, random, leaseMs } = options;
  const tenure = (name: string, holder: string, token: number): Tenure => {
    let untilMs = clock.nowMs() + leaseMs;
    return {
      name,
      holder,
      token,
      signal: new AbortController().signal,
      isHeld: () => clock.nowMs() < untilMs,
      leftMs: () => untilMs - clock.nowMs(),
      renew: async () => {
        const expiresMs = clock.nowMs() + leaseMs;
        const set = { expiresMs, beat: random.next() };
        const { status } = await table.update({ key: lockKey(name), set, condition: equals('token', token) });
        untilMs = status === 'written' ? expiresMs : 0;
        return status === 'written';
      },
      resign: async () => {
        untilMs = 0;
        return true;
      },
    };
  };
  return {
    campaign: async (name, holder) => {
      for (;;) {
        const nowMs = clock.nowMs();
        const before = await table.get(lockKey(name)).catch(() => undefined);
        const token = Number(before?.['token'] ?? 0) + 1;
        const isOver = or(absent(), atMost('expiresMs', nowMs));
        const fields = { holder, token, beat: random.next(), leaseMs, expiresMs: nowMs + leaseMs };
        const outcome = await table
          .put({ key: lockKey(name), fields, condition: isOver })
          .catch(() => ({ status: 'refused' }));
        if (outcome.status === 'written') return tenure(name, holder, token);
        await clock.sleep(50);
      }
    },
  };
};

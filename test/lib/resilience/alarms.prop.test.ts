import fc from 'fast-check';
import { memoryClock } from '#primitives/memory/clock';
import { alarmAt, alarms, type Alarm } from '#resilience/alarms';

type Move =
  | { readonly kind: 'set'; readonly delayMs: number }
  | { readonly kind: 'take off'; readonly which: number }
  | { readonly kind: 'wait'; readonly ms: number };

const moves: fc.Arbitrary<readonly Move[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('set' as const), delayMs: fc.oneof(fc.nat(50), fc.constant(Infinity)) }),
    fc.record({ kind: fc.constant('take off' as const), which: fc.nat(20) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(30) }),
  ),
  { maxLength: 60, size: 'max' },
);

test('every alarm rings once at its time, unless it is taken off before, with one sleeper at most', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (list) => {
      const clock = memoryClock();
      const { set, takeOff } = alarms(clock);
      const made: Alarm[] = [];
      const expected = new Map<number, number>();
      const rang = new Map<number, number>();
      for (const move of list) {
        const id = made.length;
        if (move.kind === 'set') {
          const dueAtMs = clock.monotonicMs() + move.delayMs;
          expected.set(id, dueAtMs);
          const alarm = alarmAt(dueAtMs, () => {
            expect(rang.has(id)).toBe(false);
            rang.set(id, clock.monotonicMs());
          });
          made.push(alarm);
          set(alarm);
        } else if (move.kind === 'take off') {
          const alarm = made[move.which];
          if (alarm !== undefined && takeOff(alarm)) expected.delete(move.which);
          if (alarm !== undefined) expect(takeOff(alarm)).toBe(false);
        } else await clock.advance(move.ms);
        expect(clock.sleeperCount()).toBeLessThanOrEqual(1);
      }
      await clock.advance(1_000);
      for (const [id, dueAtMs] of expected) if (dueAtMs === Infinity) expected.delete(id);
      expect(rang).toEqual(expected);
      expect(clock.sleeperCount()).toBe(0);
    }),
  );
});

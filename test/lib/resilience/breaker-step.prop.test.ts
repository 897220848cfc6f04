import fc from 'fast-check';
import { closedState, step, type BreakerEvent, type BreakerRules, type BreakerState } from '#resilience/breaker-step';

const rules: BreakerRules = {
  trip: { windowMs: 1_000, minCallCount: 2, failureRatio: 0.5 },
  waitMs: 125,
  slackMs: 25,
};

const mark = fc.constantFrom('a', 'b');
const outcome = fc.constantFrom('value' as const, 'failure' as const, 'undecided' as const);
const event: fc.Arbitrary<BreakerEvent> = fc.oneof(
  fc.record({ kind: fc.constant('ended' as const), pass: fc.oneof(fc.nat(2), mark), outcome }),
  // These lead somewhere: it opens, and probes are asked for and given.
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('ended' as const),
      pass: fc.nat(1),
      outcome: fc.constant('failure' as const),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('asked', 'claimed'), mark }) },
  fc.record({ kind: fc.constantFrom('opening', 'opened', 'unclaimed'), mark }),
  fc.record({ kind: fc.constant('answered' as const), count: fc.nat(3) }),
  fc.record({ kind: fc.constant('closed' as const), from: mark, mark }),
  fc.record({ kind: fc.constant('seen' as const), mark: fc.option(mark, { nil: undefined }), isOpen: fc.boolean() }),
);
const events = fc.array(fc.record({ afterMs: fc.nat(60), event }), { maxLength: 80, size: 'max' });

/** Every state on the way, with what led there. */
const walk = (list: readonly { readonly afterMs: number; readonly event: BreakerEvent }[]) => {
  let state: BreakerState = closedState(0, 0);
  let nowMs = 0;
  return list.map(({ afterMs, event: happened }) => {
    nowMs += afterMs;
    const before = state;
    state = step(before, happened, nowMs, rules);
    return { before, event: happened, after: state, nowMs };
  });
};
const probeOf = (state: BreakerState): string | undefined => (state.status === 'open' ? state.probe : undefined);

test('the probes of a host begin at least the wait less the slack apart', () => {
  fc.assert(
    fc.property(events, (list) => {
      const begun = walk(list).filter(
        ({ event: { kind }, after }) => kind === 'claimed' && probeOf(after) !== undefined,
      );
      const fresh = begun.filter(({ before, after }) => probeOf(before) !== probeOf(after));
      for (const [at, { nowMs, before }] of fresh.entries()) {
        const previous = fresh[at - 1];
        // A closing in between begins anew.
        if (previous === undefined || previous.after.era !== before.era) continue;
        expect(nowMs - previous.nowMs).toBeGreaterThanOrEqual(rules.waitMs - rules.slackMs);
      }
    }),
  );
});

test('a host asks once in a wait, however many callers want to pass', () => {
  fc.assert(
    fc.property(events, (list) => {
      const claimOf = (state: BreakerState) => (state.status === 'open' ? state.claim : undefined);
      const asked = walk(list).filter(({ before, after }) => ![undefined, claimOf(before)].includes(claimOf(after)));
      for (const [at, { nowMs, before }] of asked.entries()) {
        const previous = asked[at - 1];
        if (previous === undefined || previous.after.era !== before.era) continue;
        expect(nowMs - previous.nowMs).toBeGreaterThanOrEqual(rules.waitMs);
      }
    }),
  );
});

test('no probe begins unless it was asked for, at its due time, and answered within the slack', () => {
  fc.assert(
    fc.property(events, (list) => {
      for (const { before, after, event: happened, nowMs } of walk(list)) {
        if (probeOf(after) === undefined || probeOf(after) === probeOf(before)) continue;
        expect(happened.kind).toBe('claimed');
        const claim = before.status === 'open' ? before.claim : undefined;
        expect(claim?.mark).toBe(probeOf(after));
        expect(nowMs - (claim?.askedAtMs ?? Infinity)).toBeLessThanOrEqual(rules.slackMs);
      }
    }),
  );
});

test('it is never stuck: whatever happened, who asks a wait later may ask for a probe', () => {
  fc.assert(
    fc.property(events, (list) => {
      const last = walk(list).at(-1);
      if (last === undefined || last.after.status === 'closed') return;
      const asked = step(last.after, { kind: 'asked', mark: 'new' }, last.nowMs + rules.waitMs, rules);
      expect(asked).toMatchObject({ status: 'open', claim: { mark: 'new' } });
    }),
  );
});

test('it closes only by a probe of the state that it is in, or because others closed it', () => {
  fc.assert(
    fc.property(events, (list) => {
      for (const { before, after, event: happened } of walk(list)) {
        if (before.status !== 'open' || after.status !== 'closed') continue;
        if (happened.kind === 'closed') expect(happened.from).toBe(before.mark);
        else expect([happened, before.isShared]).toMatchObject([{ kind: 'seen', isOpen: false }, true]);
        expect(after.era).toBe(before.era + 1);
      }
    }),
  );
});

test('what ends late, of an earlier era or as a probe that was superseded, changes nothing', () => {
  fc.assert(
    fc.property(events, (list) => {
      for (const { before, after, event: happened } of walk(list)) {
        if (happened.kind !== 'ended') continue;
        const current = before.status === 'open' ? before.probe : before.era;
        if (happened.pass !== current) expect(after).toBe(before);
      }
    }),
  );
});

test('the count of calls in the window never exceeds what ended in it, and opens by the rule alone', () => {
  const calls = fc.array(fc.record({ afterMs: fc.nat(400), isFailure: fc.boolean() }), { maxLength: 60, size: 'max' });
  fc.assert(
    fc.property(calls, (list) => {
      let state: BreakerState = closedState(0, 0);
      let nowMs = 0;
      const ended: { readonly atMs: number; readonly isFailure: boolean }[] = [];
      for (const { afterMs, isFailure } of list) {
        nowMs += afterMs;
        ended.push({ atMs: nowMs, isFailure });
        state = step(state, { kind: 'ended', pass: 0, outcome: isFailure ? 'failure' : 'value' }, nowMs, rules);
        const within = (ms: number) => ended.filter(({ atMs }) => nowMs - atMs < ms);
        if (state.status === 'open') {
          expect(isFailure).toBe(true);
          expect(within(rules.trip.windowMs).length).toBeGreaterThanOrEqual(rules.trip.minCallCount);
          return;
        }
        const { okCount, failedCount, okBeforeCount, failedBeforeCount } = state.window;
        const counted = okCount + failedCount + okBeforeCount + failedBeforeCount;
        expect(counted).toBeLessThanOrEqual(within(rules.trip.windowMs).length);
        expect(counted).toBeGreaterThanOrEqual(within(rules.trip.windowMs / 2).length);
      }
    }),
  );
});

import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { or, type Table } from '#primitives/table';
import { breakerMemory } from './breaker-memory.ts';
import type { BreakerRules, BreakerState, Pass } from './breaker-step.ts';
import {
  BREAKER_OPTIONS,
  breakerOf,
  checkBreaker,
  viewOf,
  type BreakerOptions,
  type CircuitBreaker,
} from './circuit-breaker.ts';
import { CircuitOpenError } from './errors.ts';
import { isNotOpen, isStill, sharedStates, type SharedState, type SharedWrite } from './shared-state.ts';

export interface FleetBreakerOptions extends BreakerOptions {
  /** Where the state is shared: one record for each name, written by nobody else. */
  readonly table: Table;
  readonly random: Random;
  /**
   * How often a host that has something to call looks at the state. 100..3_600_000 ms. Left out, it reads nothing: it
   * learns that others opened it when its own window trips, and that they closed it when it asks for a probe.
   */
  readonly refreshMs?: number;
  /**
   * What a host does that may claim a probe while the table does not answer. `wait` (default): nothing, until it does;
   * there is never a second probe. `probe`: it probes on its own, so that a backend that is well again is found although
   * the table is down, at the price of one probe a host.
   */
  readonly whenTableFails?: 'wait' | 'probe';
  /** Hears of a table that fails: the calls do not. */
  readonly log?: Log;
}

const OPTIONS = [...BREAKER_OPTIONS, 'table', 'random', 'refreshMs', 'whenTableFails', 'log'];
/** A claim is used when it is answered within this part of `openMs`; it is added to the wait for the next. */
const SLACK = 1 / 4;

/** Whether what was learnt meanwhile is newer than what was asked for before. */
const isSameKnowledge = (before: BreakerState, after: BreakerState): boolean => {
  if (before.status === 'closed' || after.status === 'closed')
    return before.status === after.status && before.era === after.era && before.mark === after.mark;
  return before.mark === after.mark && before.claim === after.claim && before.isShared === after.isShared;
};

/**
 * A breaker that a fleet shares: what one host opens, all of them stop calling, and one probe in the whole fleet goes out
 * at a time.
 *
 * - **Healthy path**: no write, and no read, or one read for each host and `refreshMs` when that is set.
 * - **Opening**: by the window of one host; one conditional write of each host that trips at the same time, one of which
 *   counts.
 * - **Open**: a host that wants to call asks for a probe by one conditional write, 1.25 × `openMs` after it first saw the
 *   last state. One in the fleet gets it; the others have seen a new state, and wait again. Probes begin at least `openMs`
 *   apart.
 * - **Closing**: one write, after a probe that went well. The other hosts learn of it when they next ask or look.
 * - **Crash** of the host that has the probe: its claim is a state like any other, and 1.25 × `openMs` after they saw it
 *   the others ask again. What it still writes later is refused.
 * - **Clocks**: none is compared with another; a host that is an hour off does no harm. They must only run equally fast.
 * - **A table that fails** never fails a call. The host goes on with what it knows by itself, see `whenTableFails`.
 *
 * The table's answers are waited for a quarter of `openMs` at most. A call that opens or closes the breaker waits for
 * that write, and one that wants the probe for its claim, in a policy no longer than its own time lasts; all others wait
 * for nothing. What is written when the caller no longer waits is written without it.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const fleetCircuitBreaker = (options: FleetBreakerOptions): CircuitBreaker => {
  checkNames(options, OPTIONS);
  checkBreaker(options);
  const { name, clock, openMs, windowMs, minCallCount, failureRatio } = options;
  const { table, random, refreshMs, whenTableFails = 'wait', log } = options;
  if (refreshMs !== undefined) checkInteger('refreshMs', refreshMs, 100, 3_600_000);
  if (!['wait', 'probe'].includes(whenTableFails)) throw refuse('whenTableFails', "'wait' or 'probe'", whenTableFails);
  const slackMs = Math.floor(openMs * SLACK);
  const rules: BreakerRules = { trip: { windowMs, minCallCount, failureRatio }, waitMs: openMs + slackMs, slackMs };
  const shared = sharedStates(table, clock, name, slackMs);
  const { state, happened, isCounted } = breakerMemory(clock, rules);
  let lookedAtMs = -Infinity;

  const saw = ({ mark, isOpen }: SharedState): BreakerState => happened({ kind: 'seen', mark, isOpen });
  const missed = (what: string, error: unknown): void => {
    const reason = error instanceof Error ? error.message : String(error);
    log?.warn('the shared state of a circuit breaker was not reached', { breaker: name, what, reason });
  };
  const refused = (): CircuitOpenError => {
    const known = state();
    return new CircuitOpenError(name, known.status === 'open' ? known.dueAtMs - clock.monotonicMs() : 0);
  };
  const isClaiming = (mark: string): boolean => {
    const known = state();
    return known.status === 'open' && known.claim?.mark === mark;
  };
  const isMark = (mark: string): boolean => state().mark === mark;

  const look = async (): Promise<void> => {
    const before = state();
    try {
      const current = await shared.read();
      if (isSameKnowledge(before, state())) saw(current);
    } catch (error) {
      missed('look', error);
    }
  };
  const lookNowAndThen = (): void => {
    if (refreshMs === undefined) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - lookedAtMs < refreshMs) return;
    lookedAtMs = nowMs;
    void look();
  };

  /** Says that it is open; unless the fleet knows already. */
  const shareOpening = async (knownMark: string | undefined): Promise<void> => {
    const mark = random.uuid();
    happened({ kind: 'opening', mark });
    try {
      let outcome: SharedWrite = await shared.write(
        'open',
        mark,
        knownMark === undefined ? isNotOpen() : isStill(knownMark),
      );
      // Opened and closed since this host last looked.
      if (outcome.status === 'theirs' && !outcome.current.isOpen)
        outcome = await shared.write('open', mark, isStill(outcome.current.mark));
      if (outcome.status === 'ours') happened({ kind: 'opened', mark });
      else if (outcome.current.isOpen && isMark(mark)) saw(outcome.current);
    } catch (error) {
      missed('open', error);
    }
  };

  const shareClosing = async (probe: string): Promise<void> => {
    const mark = random.uuid();
    try {
      const outcome = await shared.write('closed', mark, isStill(probe));
      if (outcome.status === 'ours') happened({ kind: 'closed', from: probe, mark });
      else if (isMark(probe)) saw(outcome.current);
    } catch (error) {
      missed('close', error);
      if (whenTableFails === 'probe') happened({ kind: 'closed', from: probe, mark: probe });
    }
  };

  /** Asks the fleet for the probe. Resolves with the pass, also when the fleet turns out to be closed. */
  const claim = async (mark: string, knownMark: string | undefined, isShared: boolean): Promise<Pass> => {
    const isLatest = isStill(knownMark);
    try {
      // What was opened here and never got through is claimed and opened at once.
      const condition = isShared ? isLatest : or(isNotOpen(), isLatest);
      const outcome = await shared.write('open', mark, condition);
      if (outcome.status === 'ours') happened({ kind: 'claimed', mark });
      else if (isClaiming(mark)) saw(outcome.current);
      happened({ kind: 'unclaimed', mark });
    } catch (error) {
      missed('claim', error);
      happened({ kind: whenTableFails === 'probe' ? 'claimed' : 'unclaimed', mark });
    }
    const known = state();
    if (known.status === 'closed') return known.era;
    if (known.probe === mark) return mark;
    throw refused();
  };

  return breakerOf(options, {
    view: () => viewOf(state(), clock.monotonicMs()),
    enter: () => {
      lookNowAndThen();
      const known = state();
      if (known.status === 'closed') return known.era;
      const { mark: knownMark, isShared, dueAtMs } = known;
      if (clock.monotonicMs() < dueAtMs) throw refused();
      const mark = random.uuid();
      happened({ kind: 'asked', mark });
      return claim(mark, knownMark, isShared);
    },
    exit: (pass, outcome, latestAtMs = Infinity) => {
      if (outcome === 'value' && isCounted(pass, latestAtMs)) return undefined;
      const before = state();
      const after = happened({ kind: 'ended', pass, outcome });
      if (before.status === 'closed' && after.status === 'open') return shareOpening(before.mark);
      const isProbe = before.status === 'open' && before.probe === pass;
      return isProbe && outcome === 'value' ? shareClosing(pass) : undefined;
    },
  });
};

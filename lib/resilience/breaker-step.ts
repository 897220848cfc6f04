import { counted, emptyWindow, isTripped, type FailureWindow, type TripRule } from './failure-window.ts';

/**
 * What one host knows of a breaker. A `mark` names one state of the fleet: whoever changes the state makes a new one, so
 * that equal marks mean that nothing happened in between.
 */
export type BreakerState =
  /** Calls pass. `era` counts the closings, so that what was begun in an earlier era is not counted in this one. */
  | {
      readonly status: 'closed';
      readonly era: number;
      readonly window: FailureWindow;
      /** The last mark that was seen, if any. */
      readonly mark: string | undefined;
    }
  | {
      readonly status: 'open';
      readonly era: number;
      readonly mark: string | undefined;
      /** False as long as only this host is known to have it open. */
      readonly isShared: boolean;
      /** From then on a probe may be claimed, by the clock of this host. */
      readonly dueAtMs: number;
      /** A claim of this host that was not answered yet. */
      readonly claim: { readonly mark: string; readonly askedAtMs: number } | undefined;
      /** The mark of the probe of this host that is on its way. */
      readonly probe: string | undefined;
    };

/** What a call that passes carries to its end: the era, or the mark of the probe that it is. */
export type Pass = number | string;

export type BreakerEvent =
  | { readonly kind: 'ended'; readonly pass: Pass; readonly outcome: 'value' | 'failure' | 'undecided' }
  /** Calls of this era ended well, all of them in the half window that runs. */
  | { readonly kind: 'answered'; readonly count: number }
  /** A caller wants to pass; when a probe is due it will ask for it under this mark. */
  | { readonly kind: 'asked'; readonly mark: string }
  /** This host says that it is open, under this mark; and: it is written. */
  | { readonly kind: 'opening'; readonly mark: string }
  | { readonly kind: 'opened'; readonly mark: string }
  /** The claim is written. */
  | { readonly kind: 'claimed'; readonly mark: string }
  /** A probe went well, and the closing is written, under a mark of its own. */
  | { readonly kind: 'closed'; readonly from: string; readonly mark: string }
  /** Nobody knows what became of a claim. */
  | { readonly kind: 'unclaimed'; readonly mark: string }
  /** The state of the fleet, by somebody else. */
  | { readonly kind: 'seen'; readonly mark: string | undefined; readonly isOpen: boolean };

export interface BreakerRules {
  readonly trip: TripRule;
  /** From seeing a mark to the next claim. */
  readonly waitMs: number;
  /** A claim that is answered later is not used: its probe would come too close to the next one. */
  readonly slackMs: number;
}

export const closedState = (nowMs: number, era: number, mark?: string): BreakerState => ({
  status: 'closed',
  era,
  window: emptyWindow(nowMs),
  mark,
});

const openState = (
  state: BreakerState,
  dueAtMs: number,
  rest: { readonly mark: string | undefined; readonly isShared: boolean; readonly probe?: string },
): BreakerState => {
  const { mark, isShared, probe } = rest;
  return { status: 'open', era: state.era, mark, isShared, dueAtMs, claim: undefined, probe };
};

const afterEnd = (
  state: BreakerState,
  event: BreakerEvent & { readonly kind: 'ended' },
  nowMs: number,
  rules: BreakerRules,
): BreakerState => {
  const { pass, outcome } = event;
  if (state.status === 'open') return state.probe === pass ? { ...state, probe: undefined } : state;
  if (pass !== state.era || outcome === 'undecided') return state;
  const { era, mark } = state;
  const isFailure = outcome === 'failure';
  const window = counted(state.window, isFailure, nowMs, rules.trip.windowMs);
  if (isFailure && isTripped(window, rules.trip)) {
    return openState(state, nowMs + rules.waitMs, { mark, isShared: false });
  }
  return { status: 'closed', era, window, mark };
};

const afterClaim = (
  state: BreakerState & { readonly status: 'open' },
  mark: string,
  nowMs: number,
  { waitMs, slackMs }: BreakerRules,
): BreakerState => {
  const { claim } = state;
  // Another claim of this host came after it, or another state was seen: that one is waited for.
  if (claim?.mark !== mark) return state;
  const isInTime = nowMs - claim.askedAtMs <= slackMs;
  return openState(state, nowMs + waitMs, { mark, isShared: true, ...(isInTime ? { probe: mark } : {}) });
};

const afterSight = (
  state: BreakerState,
  { mark, isOpen }: BreakerEvent & { readonly kind: 'seen' },
  nowMs: number,
  { waitMs }: BreakerRules,
): BreakerState => {
  if (!isOpen) {
    if (state.status === 'closed') return { ...state, mark };
    // A host that opened it on its own evidence, and could not say so yet, does not believe an older state.
    return state.isShared ? closedState(nowMs, state.era + 1, mark) : state;
  }
  const isKnown = state.status === 'open' && ((state.isShared && state.mark === mark) || state.claim?.mark === mark);
  return isKnown ? state : openState(state, nowMs + waitMs, { mark, isShared: true });
};

/**
 * The breaker of one host as a pure function. `nowMs` is the host's own monotonic clock, and nothing is compared with
 * the clock of another: a host waits from when *it* first saw a mark, which is never before the mark was made. So two
 * claims that succeed are at least `waitMs` apart, whatever the clocks say, and two probes `waitMs − slackMs`.
 *
 * An event that is about something that is over (a late answer, a call of an earlier era, a superseded probe) changes
 * nothing.
 */
export const step = (state: BreakerState, event: BreakerEvent, nowMs: number, rules: BreakerRules): BreakerState => {
  switch (event.kind) {
    case 'ended':
      return afterEnd(state, event, nowMs, rules);
    case 'answered': {
      if (state.status === 'open') return state;
      const { window } = state;
      return { ...state, window: { ...window, okCount: window.okCount + event.count } };
    }
    case 'seen':
      return afterSight(state, event, nowMs, rules);
    case 'closed':
      return state.status === 'open' && state.mark === event.from
        ? closedState(nowMs, state.era + 1, event.mark)
        : state;
    case 'asked': {
      if (state.status === 'closed' || nowMs < state.dueAtMs) return state;
      const claim = { mark: event.mark, askedAtMs: nowMs };
      return { ...state, dueAtMs: nowMs + rules.waitMs, claim, probe: undefined };
    }
    case 'opening':
      return state.status === 'open' ? { ...state, mark: event.mark } : state;
    case 'opened':
      return state.status === 'open' && state.mark === event.mark ? { ...state, isShared: true } : state;
    case 'claimed':
      return state.status === 'open' ? afterClaim(state, event.mark, nowMs, rules) : state;
    case 'unclaimed':
      return state.status === 'open' && state.claim?.mark === event.mark ? { ...state, claim: undefined } : state;
  }
};

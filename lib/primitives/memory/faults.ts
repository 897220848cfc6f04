import { checkInteger, checkNames } from '../checks.ts';
import type { Clock } from '../clock.ts';
import { OutcomeUnknownError, UnavailableError } from '../errors.ts';
import type { Random } from '../random.ts';
import { checkRule, isReceive, makesSense, placesOf, type FaultRule } from './fault-rules.ts';
import { TransactionConflictError } from './table.ts';
import type { Intercept, Operation } from './wire.ts';

/** The caller is gone. No error of a primitive: it goes through whatever handles those. */
export class CrashError extends Error {
  constructor(what: string) {
    super(`Crashed at ${what}.`);
    this.name = new.target.name;
  }
}

/** A fault that fired. As a rule, `{kind, call, ms, chance}` makes the same fault in the same run. */
export interface InjectedFault extends Required<Pick<FaultRule, 'kind' | 'call' | 'ms' | 'chance'>> {
  readonly operation: Operation;
}

export interface FaultsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly rules: readonly FaultRule[];
  /** So many faults in all and then none, 0 and more. Default: no limit. */
  readonly limitCount?: number;
  /** Ends the caller; what it gives is what the call gives. Default: rejects with {@link CrashError}. */
  readonly crash?: (operation: Operation, isApplied: boolean) => Promise<never>;
}

export interface Faults {
  /** For `memoryWire`. */
  readonly intercept: Intercept;
  /** What fired so far, in order. */
  injected(): readonly InjectedFault[];
  /** Calls that will be applied, be their caller gone or told that nobody knows: by `late` or `delay`. */
  lateCount(): number;
}

interface Armed {
  readonly rule: FaultRule;
  callCount: number;
  firedCount: number;
}

const HANG_MS = 900_000;
/** More than any call has entries. */
const ALL: ReadonlySet<number> = new Set(Array.from({ length: 10 }, (_, at) => at));

const nameOf = ({ operation, name }: Operation): string => `${operation} of ${name}`;

/** What a caller hears whose answer does not come: of a read it is of no matter whether it was applied. */
const noAnswer = (operation: Operation): Error =>
  operation.isWrite ? new OutcomeUnknownError(nameOf(operation)) : new UnavailableError(nameOf(operation));

/** Half of `count` positions, at least one, from a place on that `chance` chooses. */
const half = (count: number, chance: number): ReadonlySet<number> =>
  new Set(Array.from({ length: Math.ceil(count / 2) }, (_, at) => (Math.floor(chance * count) + at) % count));

/**
 * Faults for the memory primitives: give `intercept` to the wire that they share. The same rules, chance and calls give
 * the same faults; each can be repeated by itself, as a rule with its `call`. The order of deliveries is not a fault:
 * it is drawn by `memoryQueue` from its `random`.
 *
 * @throws {@link InvalidArgumentError} when a rule cannot be used
 */
export const faults = (options: FaultsOptions): Faults => {
  checkNames(options, ['clock', 'random', 'rules', 'limitCount', 'crash']);
  const { clock, random, rules, limitCount = Number.MAX_SAFE_INTEGER } = options;
  checkInteger('limitCount', limitCount, 0, Number.MAX_SAFE_INTEGER);
  for (const [index, rule] of rules.entries()) checkRule(rule, index);
  const crash = options.crash ?? ((operation) => Promise.reject(new CrashError(nameOf(operation))));
  const armed: readonly Armed[] = rules.map((rule) => ({ rule, callCount: 0, firedCount: 0 }));
  const injected: InjectedFault[] = [];
  let callCount = 0;
  let lateCount = 0;

  const fires = (candidate: Armed, operation: Operation): boolean => {
    const { kind, call, rate = 1, times = Infinity } = candidate.rule;
    if (call !== undefined && call !== candidate.callCount) return false;
    if (!makesSense(kind, operation) || candidate.firedCount >= times) return false;
    return rate === 1 || random.next() < rate;
  };

  const decide = (operation: Operation): InjectedFault | undefined => {
    const places = placesOf(operation);
    const here = armed.filter(({ rule }) => rule.at === undefined || places.includes(rule.at));
    callCount += 1;
    for (const candidate of here) candidate.callCount += 1;
    if (injected.length >= limitCount) return undefined;
    const found = here.find((candidate) => fires(candidate, operation));
    if (found === undefined) return undefined;
    found.firedCount += 1;
    const { kind, ms = HANG_MS, chance = random.next() } = found.rule;
    const fault = Object.freeze({ kind, call: callCount, ms, chance, operation });
    injected.push(fault);
    return fault;
  };

  const applyAfter = async <R>(ms: number, apply: () => R | Promise<R>): Promise<R> => {
    lateCount += 1;
    try {
      await clock.sleep(ms);
      return await apply();
    } finally {
      lateCount -= 1;
    }
  };

  const suffer = async <R>(
    { kind, ms, chance, operation }: InjectedFault,
    apply: (without?: ReadonlySet<number>) => R | Promise<R>,
  ): Promise<R> => {
    switch (kind) {
      case 'hang':
        await clock.sleep(ms);
        throw noAnswer(operation);
      case 'delay':
        return applyAfter(ms, apply);
      case 'error':
        throw new UnavailableError(nameOf(operation));
      case 'crash':
        return crash(operation, false);
      case 'crash-after':
        await apply();
        return crash(operation, true);
      case 'lose-answer':
        await apply();
        throw noAnswer(operation);
      case 'late':
        // Where it is refused nobody is there any more to hear it.
        applyAfter(ms, apply).catch(() => undefined);
        throw noAnswer(operation);
      case 'duplicate':
        if (isReceive(operation)) return apply(ALL);
        await apply();
        return apply();
      case 'conflict':
        // A single write that meets a transaction is refused for now.
        throw operation.operation.startsWith('dynamodb.Transact')
          ? new TransactionConflictError()
          : new UnavailableError(nameOf(operation));
      case 'partial':
        return apply(half(operation.entryCount, chance));
    }
  };

  return Object.freeze<Faults>({
    intercept: async (operation, apply) => {
      const fault = decide(operation);
      return fault === undefined ? apply() : suffer(fault, apply);
    },
    injected: () => Object.freeze([...injected]),
    lateCount: () => lateCount,
  });
};

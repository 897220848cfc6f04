import * as v from 'valibot';
import { InvalidArgumentError } from '#primitives/errors';
import type { Random } from '#primitives/random';

export const FAULT_KINDS = [
  'hang',
  'delay',
  'error',
  'crash',
  'lose-answer',
  'duplicate',
  'conflict',
  'partial',
] as const;

/**
 * - `hang`: not applied, and no answer until the caller leaves or `ms` have passed; then the connection is cut.
 * - `delay`: applied after `ms`.
 * - `error`: not applied; the service's own server error.
 * - `crash`: not applied, the connection is cut; at a function: the function host is killed in the midst of the call.
 * - `lose-answer`: applied, then the connection is cut.
 * - `duplicate`: applied twice, and the second answer is given; a receive is delivered and visible again at once.
 * - `conflict`: not applied; another transaction holds an item.
 * - `partial`: half of the entries of a batch (at least one) are not applied and reported so, the rest is applied.
 */
export type FaultKind = (typeof FAULT_KINDS)[number];

export interface FaultSwitch {
  /** A place: `queue/<name>`, `table/<name>`, `bus`, `bus/<name>`, `bucket/<name>`, `function/<name>`, `<pattern>/<role>`. */
  readonly at: string;
  readonly kind: FaultKind;
  /** 0..900_000. Required for `delay`. */
  readonly ms?: number | undefined;
  /** The chance that a call which could be hit is hit: above 0, up to 1 (default). */
  readonly rate?: number | undefined;
  /** Fires so often and then no more: 1..1_000_000. Without it, for ever. */
  readonly times?: number | undefined;
  /** Makes the chances of this switch repeatable: 0..2³²−1. */
  readonly seed?: number | undefined;
}

/** A fault that fired. */
export interface Fault {
  readonly kind: FaultKind;
  readonly at: string;
  readonly ms?: number | undefined;
  /** Chance for what the fault has yet to choose, uniform in [0, 1). */
  readonly chance: () => number;
}

export interface FaultInjector {
  /**
   * Replaces all switches.
   *
   * @param places What there is, as `decide` is told it: a switch at none of them would never fire. Without it any.
   * @throws {@link InvalidArgumentError} when one cannot be used, names it and what is allowed; nothing is changed.
   */
  put(list: unknown, places?: readonly string[]): void;
  /** The switches, with how often each fired. */
  list(): readonly (FaultSwitch & { readonly fired: number })[];
  clear(): void;
  /** False while there is no switch: nobody needs to know the places then. */
  readonly active: boolean;
  /** The first switch that matches one of the places and fires. `kinds`: only those that make sense for the call. */
  decide(places: readonly string[], kinds?: readonly FaultKind[]): Fault | undefined;
}

const MAX_SWITCHES = 100;
/** Places that an error names. */
const MAX_SHOWN = 5;
/** The longest that a function may run on AWS. */
const MAX_MS = 900_000;
/** What can go wrong with any call, and all that can with the call of a function. */
export const EVERYWHERE: readonly FaultKind[] = ['hang', 'delay', 'error', 'crash', 'lose-answer', 'duplicate'];
/** Which kinds make sense where; what is not listed here is the function, or the table, of a pattern. */
const KINDS_AT: Readonly<Record<string, readonly FaultKind[]>> = Object.freeze({
  queue: [...EVERYWHERE, 'partial'],
  bus: [...EVERYWHERE, 'partial'],
  table: FAULT_KINDS,
  bucket: EVERYWHERE,
});
const kindsAt = (at: string): readonly FaultKind[] => KINDS_AT[at.split('/', 1)[0] ?? ''] ?? EVERYWHERE;

const PLACES = 'queue/<name>, table/<name>, bus, bus/<name>, bucket/<name>, function/<name> or <pattern>/<role>';
const integer = (low: number, high: number) => {
  const message = `an integer from ${low} to ${high}`;
  return v.optional(v.pipe(v.number(message), v.integer(message), v.minValue(low, message), v.maxValue(high, message)));
};
const kindMessage = `one of ${FAULT_KINDS.join(', ')}`;
const placeMessage = `a place (${PLACES})`;
const rateMessage = 'a number above 0, up to 1';

const switchSchema = v.strictObject(
  {
    at: v.pipe(
      v.string(placeMessage),
      v.maxLength(300, placeMessage),
      v.regex(/^(bus|[a-z][a-z0-9-]*\/[A-Za-z0-9_.-]+)$/, placeMessage),
    ),
    kind: v.picklist(FAULT_KINDS, kindMessage),
    ms: integer(0, MAX_MS),
    rate: v.optional(v.pipe(v.number(rateMessage), v.gtValue(0, rateMessage), v.maxValue(1, rateMessage))),
    times: integer(1, 1_000_000),
    seed: integer(0, 2 ** 32 - 1),
  },
  'an object with at, kind and, if wanted, ms, rate, times, seed',
);
const listMessage = `a list of at most ${MAX_SWITCHES} switches`;
const listSchema = v.pipe(v.array(v.unknown(), listMessage), v.maxLength(MAX_SWITCHES, listMessage));

const asJson = (value: unknown): string => {
  try {
    return JSON.stringify(value) ?? 'nothing';
  } catch {
    // Deeper than the stack of this process goes.
    return 'a value that is nested too deeply';
  }
};

/** A value as errors show it: JSON, shortened. */
export const shown = (value: unknown): string => {
  const text = asJson(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
};

const parseSwitch = (given: unknown, index: number): FaultSwitch => {
  const parsed = v.safeParse(switchSchema, given);
  if (!parsed.success) {
    const { type, message, input, path } = parsed.issues[0];
    // A field that is missing or unknown is an issue of the whole switch.
    const key = path?.[0]?.key;
    const field = type !== 'strict_object' && typeof key === 'string' ? key : undefined;
    const where = field === undefined ? `faults[${index}]` : `faults[${index}].${field}`;
    const got = field === undefined ? given : input;
    throw new InvalidArgumentError(`Expected '${where}' to be ${message}, got ${shown(got)}.`);
  }
  const { at, kind, ms } = parsed.output;
  const allowed = kindsAt(at);
  if (!allowed.includes(kind))
    throw new InvalidArgumentError(
      `Expected 'faults[${index}].kind' to be one of ${allowed.join(', ')} at '${at}', got "${kind}".`,
    );
  if (kind === 'delay' && ms === undefined)
    throw new InvalidArgumentError(`Expected 'faults[${index}].ms' to say how long the delay is, got nothing.`);
  return Object.freeze(parsed.output);
};

/** mulberry32: small, and repeatable in any process. */
const seededChance = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** How long the beginning is that two texts share. */
const sharedLength = (one: string, other: string): number => {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
};

interface Armed {
  readonly fault: FaultSwitch;
  readonly chance: () => number;
  fired: number;
}

/**
 * Decides which calls go wrong. One injector serves the endpoint and the invocations, so that `times` counts over both.
 *
 * @param options.service, options.stage Names match with or without the prefix `<service>-<stage>-`.
 */
export const faultInjector = (options: {
  readonly random: Random;
  readonly service?: string;
  readonly stage?: string;
}): FaultInjector => {
  const prefix =
    options.service === undefined || options.stage === undefined ? '' : `${options.service}-${options.stage}-`;
  let armed: readonly Armed[] = [];

  const matches = (at: string, place: string): boolean => {
    if (at === place) return true;
    const slash = place.indexOf('/');
    if (slash < 0) return false;
    const kind = place.slice(0, slash);
    const name = place.slice(slash + 1);
    const short = prefix !== '' && name.startsWith(prefix) ? name.slice(prefix.length) : name;
    if (at === `${kind}/${short}`) return true;
    const hasRoles = kind === 'function' || kind === 'table';
    return hasRoles && KINDS_AT[at.split('/', 1)[0] ?? ''] === undefined && at.replace('/', '-') === short;
  };

  const checkPlaces = (list: readonly FaultSwitch[], places: readonly string[]): void => {
    const index = list.findIndex(({ at }) => !places.some((place) => matches(at, place)));
    const at = list[index]?.at;
    if (at === undefined) return;
    // A role may be a function's or a table's.
    const [kind = ''] = at.split('/', 1);
    const alike = KINDS_AT[kind] === undefined && kind !== 'function' ? `function/${at.replace('/', '-')}` : at;
    const near = places
      .map((place) => place.replace(`/${prefix}`, '/'))
      .toSorted((one, other) => sharedLength(other, alike) - sharedLength(one, alike));
    throw new InvalidArgumentError(
      `Expected 'faults[${index}].at' to be a place of this stack, got "${at}"; near: ${near.slice(0, MAX_SHOWN).join(', ')}.`,
    );
  };

  const fires = (candidate: Armed): boolean => {
    const { rate = 1, times = Infinity } = candidate.fault;
    return candidate.fired < times && (rate === 1 || candidate.chance() < rate);
  };

  return Object.freeze({
    put: (list, places) => {
      const parsed = v.safeParse(listSchema, list);
      if (!parsed.success)
        throw new InvalidArgumentError(`Expected 'faults' to be ${listMessage}, got ${shown(list)}.`);
      const switches = parsed.output.map(parseSwitch);
      if (places !== undefined) checkPlaces(switches, places);
      armed = switches.map((fault) => ({
        fault,
        chance: fault.seed === undefined ? () => options.random.next() : seededChance(fault.seed),
        fired: 0,
      }));
    },
    list: () => armed.map(({ fault, fired }) => ({ ...fault, fired })),
    clear: () => {
      armed = [];
    },
    get active() {
      return armed.length > 0;
    },
    decide: (places, kinds = FAULT_KINDS) => {
      for (const candidate of armed) {
        const { at, kind, ms } = candidate.fault;
        if (!kinds.includes(kind) || !places.some((place) => matches(at, place)) || !fires(candidate)) continue;
        candidate.fired += 1;
        return { kind, at, ms, chance: candidate.chance };
      }
      return undefined;
    },
  } satisfies FaultInjector);
};

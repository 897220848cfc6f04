import { checkInteger, checkNames, checkNumber, checkText, refuse } from '../checks.ts';
import type { Operation } from './wire.ts';

/**
 * What can go wrong with a call. Named as at the embedded endpoint where they mean the same.
 *
 * - `hang`: not applied; no answer until `ms` have passed (default 900_000), then nobody knows.
 * - `delay`: applied and answered after `ms`.
 * - `error`: not applied; the service refuses for now, as when it throttles.
 * - `crash`: not applied; the caller is gone.
 * - `crash-after`: applied; the caller is gone before it learns of it.
 * - `lose-answer`: applied; the caller is told that nobody knows.
 * - `late`: the caller is told at once that nobody knows; applied after `ms`, behind whatever was written meanwhile.
 * - `duplicate`: applied twice, and the second answer is given; what a receive delivers is visible again at once.
 * - `conflict`: not applied; another transaction holds a record.
 * - `partial`: half of the entries of a batch (at least one) are not applied and reported so, the rest is applied.
 */
export const FAULT_KINDS = [
  'hang',
  'delay',
  'error',
  'crash',
  'crash-after',
  'lose-answer',
  'late',
  'duplicate',
  'conflict',
  'partial',
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** Which calls go wrong, and how. Of several rules that fire at a call the first counts. */
export interface FaultRule {
  readonly kind: FaultKind;
  /** `queue/<name>`, `table/<name>` (each of a transaction), `bus/…`, `bucket/…`, `function/…`. Default: everywhere. */
  readonly at?: string;
  /** Only the n-th of the calls at this place, 1 and more; where the kind makes no sense, nothing happens. */
  readonly call?: number;
  /** The chance that a call is hit: above 0, up to 1 (default). */
  readonly rate?: number;
  /** Fires so often and then no more, 1 and more. Default: for ever. */
  readonly times?: number;
  /** 0..86_400_000. Required for `delay` and `late`. */
  readonly ms?: number;
  /** Decides what `partial` leaves out: in [0, 1). Default: drawn. */
  readonly chance?: number;
}

const RULE_NAMES: readonly (keyof FaultRule)[] = ['kind', 'at', 'call', 'rate', 'times', 'ms', 'chance'];
const DAY_MS = 86_400_000;

/** @throws {@link InvalidArgumentError} when a rule cannot be used; the message names it. */
export const checkRule = (rule: FaultRule, index: number): void => {
  const { kind, at, call = 1, rate = 1, times = 1, ms, chance = 0 } = rule;
  const name = (field: string): string => `rules[${index}].${field}`;
  checkNames(rule, RULE_NAMES);
  if (!FAULT_KINDS.includes(kind)) throw refuse(name('kind'), `one of ${FAULT_KINDS.join(', ')}`, kind);
  if (at !== undefined) checkText(name('at'), at, 1, 300);
  checkInteger(name('call'), call, 1, Number.MAX_SAFE_INTEGER);
  checkNumber(name('rate'), rate, Number.MIN_VALUE, 1);
  checkInteger(name('times'), times, 1, Number.MAX_SAFE_INTEGER);
  if (ms !== undefined || kind === 'delay' || kind === 'late') checkNumber(name('ms'), ms ?? Number.NaN, 0, DAY_MS);
  checkNumber(name('chance'), chance, 0, 1 - Number.EPSILON);
};

export const isReceive = ({ operation }: Operation): boolean => operation === 'sqs.ReceiveMessage';
const CONFLICTS = /^dynamodb\.(Transact(Write|Get)Items|(Put|Update|Delete)Item)$/;
const IN_BATCHES = /^(sqs\..+Batch|events\.PutEvents)$/;

/** Whether a kind of fault can happen to a call. */
export const makesSense = (kind: FaultKind, operation: Operation): boolean => {
  switch (kind) {
    case 'conflict':
      return CONFLICTS.test(operation.operation);
    case 'partial':
      return IN_BATCHES.test(operation.operation);
    case 'duplicate':
      // A FIFO queue delivers nothing of a group that is in flight.
      return operation.isWrite && !(isReceive(operation) && operation.name.endsWith('.fifo'));
    case 'crash-after':
    case 'lose-answer':
    case 'late':
      return operation.isWrite;
    case 'hang':
    case 'delay':
    case 'error':
    case 'crash':
      return true;
  }
};

/** The places of a call, as rules name them. */
export const placesOf = ({ primitive, name }: Operation): readonly string[] =>
  name.split(',').map((each) => `${primitive === 'objects' ? 'bucket' : primitive}/${each}`);

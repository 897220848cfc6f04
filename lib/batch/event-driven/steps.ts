import { FORBIDDEN_NAMES } from '#batch/json-fault';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import { hash32 } from '#primitives/hash';
import { checkFunction, checkList } from '#primitives/part-checks';
import {
  TOPIC,
  type Decision,
  type MergerStage,
  type PipelineEvent,
  type Step,
  type Target,
  type Topic,
} from './types.ts';

/** What every stage may have besides what makes it the stage that it is. */
export interface Feeding {
  /** `bus`: events come to the stage by publish/subscribe. Default: `queue`. */
  readonly via?: 'queue' | 'bus';
  /** Events for which it holds overtake the others on a queue of their own. Not together with `via: 'bus'`. */
  readonly urgent?: (event: PipelineEvent) => boolean;
}

const MAX_BRANCHES = 16;
const FEEDING = ['via', 'urgent'];

/**
 * A subject on the bus, as a target.
 *
 * @throws {@link InvalidArgumentError} when it is not 1 to 128 of A-Z a-z 0-9 _ . -
 */
export const topic = (name: string): Topic => {
  if (typeof name !== 'string' || !TOPIC.test(name)) throw refuse('topic', '1 to 128 of A-Z a-z 0-9 _ . -', name);
  return Object.freeze({ topic: name });
};

/**
 * Of reasons and branches, which name counters: V8 of Node 24 confuses names that JSON writes with an escape
 * (nodejs/node#63785), queues refuse U+FFFE and U+FFFF, and a label that is longer is refused by the next stage.
 */
const NAME = /^[^"\\\p{Cc}\p{Cs}\uFFFE\uFFFF]+$/u;
const MAX_NAME_CHARACTERS = 64;
const NAME_FORM = `named in 1 to ${MAX_NAME_CHARACTERS} characters without quotes, backslashes and controls, none of them ${FORBIDDEN_NAMES.join(', ')}`;

/** Also where nobody checks types. */
const checkBranches = (name: string, value: unknown, what: string): void => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw refuse(name, `an object with ${what}`, value);
  const bad = Object.keys(value).find(
    (each) => !NAME.test(each) || each.length > MAX_NAME_CHARACTERS || FORBIDDEN_NAMES.includes(each),
  );
  if (bad !== undefined) throw refuse(name, NAME_FORM, bad);
};

const step = <To extends string>(
  made: Pick<Step<To>, 'kind' | 'outputs' | 'decide'> & { readonly reasons?: readonly string[] },
  { via = 'queue', urgent }: Feeding,
): Step<To> => {
  checkInteger('to', Object.keys(made.outputs).length, 0, MAX_BRANCHES);
  if (via !== 'queue' && via !== 'bus') throw refuse('via', "'queue' or 'bus'", via);
  if (urgent !== undefined) checkFunction('urgent', urgent);
  if (urgent !== undefined && via === 'bus') throw refuse('urgent', 'left out where events come by the bus', 'both');
  return Object.freeze({
    ...made,
    outputs: Object.freeze({ ...made.outputs }),
    reasons: Object.freeze([...(made.reasons ?? [])]),
    via,
    ...(urgent === undefined ? {} : { urgent }),
  });
};

const nameOf = (target: Target): string => (typeof target === 'string' ? target : target.topic);
const NEXT = 'out';
const outOf = <To extends string>(to: Target<To> | undefined): Record<string, Target<To>> =>
  to === undefined ? {} : { [NEXT]: to };

/** Every event goes to each of the targets: at least two, and none twice. */
export const copier = <const To extends string>(
  options: { readonly to: readonly Target<To>[] } & Feeding,
): Step<To> => {
  checkNames(options, ['to', ...FEEDING]);
  checkList('to', options.to, 'a list of targets');
  const names = options.to.map(nameOf);
  if (names.length < 2 || new Set(names).size !== names.length)
    throw refuse('to', 'two different targets or more', names.join(', '));
  const outputs = Object.fromEntries(options.to.map((target) => [nameOf(target), target]));
  return step({ kind: 'copier', outputs, decide: () => ({ kind: 'out', to: names }) }, options);
};

/**
 * Events for which one of the predicates holds are dropped, and counted under its name; of several the first counts.
 * The others go on.
 *
 * @param options.drop Reasons have 1 to 64 characters, none of them a quote, backslash or control.
 * @param options.to Without it the stage is the end of its branch.
 */
export const filter = <const To extends string>(
  options: {
    readonly to?: Target<To>;
    readonly drop: Readonly<Record<string, (event: PipelineEvent) => boolean>>;
  } & Feeding,
): Step<To> => {
  checkNames(options, ['to', 'drop', ...FEEDING]);
  checkBranches('drop', options.drop, 'the reasons');
  const reasons = Object.entries(options.drop);
  for (const [name, holds] of reasons) checkFunction(`drop.${name}`, holds);
  const outputs = outOf(options.to);
  const passed: Decision = { kind: 'out', to: Object.keys(outputs) };
  const decide = (event: PipelineEvent): Decision => {
    const [reason] = reasons.find(([, holds]) => holds(event)) ?? [];
    return reason === undefined ? passed : { kind: 'filtered', reason };
  };
  return step({ kind: 'filter', outputs, reasons: reasons.map(([name]) => name), decide }, options);
};

/** Every event goes to exactly one of the branches: they are disjoint, and together all that came in. */
export const splitter = <const Branches extends Readonly<Record<string, Target>>>(
  options: {
    /** Branches have 1 to 64 characters, none of them a quote, backslash or control. */
    readonly to: Branches;
    /** Names the branch. Anything but a name of `to` is a failure, not a way out. */
    readonly by: (event: PipelineEvent) => keyof Branches & string;
  } & Feeding,
): Step<Extract<Branches[keyof Branches], string>> => {
  checkNames(options, ['to', 'by', ...FEEDING]);
  checkBranches('to', options.to, 'the branches');
  checkFunction('by', options.by);
  const branches = Object.keys(options.to);
  const decide = (event: PipelineEvent): Decision => {
    const branch = options.by(event);
    if (!branches.includes(branch)) throw refuse('by', `one of ${branches.join(', ')}`, branch);
    return { kind: 'out', to: [branch] };
  };
  const outputs = options.to as Readonly<Record<string, Target<Extract<Branches[keyof Branches], string>>>>;
  return step({ kind: 'splitter', outputs, decide }, options);
};

/**
 * Which of `count` shards a key belongs to: the same in every process and release.
 *
 * @param count 1..16.
 */
export const shardOf = (key: string, count: number): number => {
  checkInteger('count', count, 1, MAX_BRANCHES);
  return hash32(key) % count;
};

/** Every event goes to the shard of its key: all events of a key to the same one. */
export const sharder = <const To extends string>(
  options: { readonly to: readonly Target<To>[] } & Feeding,
): Step<To> => {
  checkNames(options, ['to', ...FEEDING]);
  checkList('to', options.to, 'a list of targets');
  const count = options.to.length;
  checkInteger('to.length', count, 1, MAX_BRANCHES);
  const outputs = Object.fromEntries(options.to.map((target, shard) => [`${shard}`, target]));
  const decide = ({ key }: PipelineEvent): Decision => ({ kind: 'out', to: [`${shardOf(key, count)}`] });
  return step({ kind: 'sharder', outputs, decide }, options);
};

/**
 * Makes another event of each: of the same id and key, with another type or other data.
 *
 * @param options.does Runs at least once for an event: it leaves nothing behind that a second run would double.
 * @param options.to Without it the stage is the end of its branch.
 */
export const worker = <const To extends string>(
  options: {
    readonly to?: Target<To>;
    readonly does: (
      event: PipelineEvent,
      attempt: number,
    ) => Partial<Pick<PipelineEvent, 'type' | 'data'>> | Promise<Partial<Pick<PipelineEvent, 'type' | 'data'>>>;
  } & Feeding,
): Step<To> => {
  checkNames(options, ['to', 'does', ...FEEDING]);
  checkFunction('does', options.does);
  const outputs = outOf(options.to);
  const decide = async (event: PipelineEvent, attempt: number): Promise<Decision> => {
    const { type, data } = await options.does(event, attempt);
    const change = { ...(type === undefined ? {} : { type }), ...(data === undefined ? {} : { data }) };
    return { kind: 'out', to: Object.keys(outputs), change };
  };
  return step({ kind: 'worker', outputs, decide }, options);
};

/** The end of a pipeline, where its branches come together again: see `merge`. */
export const merger = (): MergerStage => Object.freeze({ kind: 'merger' });

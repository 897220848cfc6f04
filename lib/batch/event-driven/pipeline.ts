import { checkNames, refuse } from '#primitives/checks';
import { ACCEPT, TOPIC, type Stage, type Step, type Target } from './types.ts';

/** A branch of a stage, and where it leads. Its label names it in counts, and as an input of the merger. */
export interface Edge {
  readonly from: string;
  readonly branch: string;
  readonly label: string;
  readonly to: Target;
}

/** A checked pipeline: a tree of stages, whose branches may come together in one merger. */
export interface Pipeline {
  readonly name: string;
  readonly first: string;
  readonly stages: Readonly<Record<string, Stage>>;
  readonly merger: string | undefined;
  /** The names of the stages, each behind all that lead to it. */
  readonly order: readonly string[];
  readonly edges: readonly Edge[];
  /** So many copies of one event come to the merger at most. 1 where there is no copier. */
  readonly maxCopies: number;
  /** Whether what goes there comes to the merger at last, unless it is filtered or fails. */
  leadsToMerger(target: Target): boolean;
  /**
   * What an event that comes to a stage by an input weighs at the merger: 0 where it does not lead there. Undefined when
   * nothing comes to it by that input: an edge's label, `accept` of the first stage, `void:<stage>` of the merger.
   */
  shareBy(stage: string, input: string): number | undefined;
}

/**
 * The weight of one accepted event at the merger: what is copied shares it, what is dropped gives it back. When the
 * shares that came for a number add up to it, nothing more will come for that number. Divisible by all up to 16, so
 * that every copier divides it.
 */
export const WHOLE = 720_720;

const NAME = /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const NAME_FORM = 'kebab-case of 1 to 32 characters';
const MAX_STAGES = 32;
/** Of one event, at the merger: they go out in one transaction. */
const MAX_PIECES = 16;

export const edgeLabel = (stage: string, branch: string): string => `${stage}.${branch}`;
/** By which the merger is told that a stage dropped something. No edge is called so. */
export const voidLabel = (stage: string): string => `void:${stage}`;

const edgesOf = (stages: Readonly<Record<string, Stage>>): readonly Edge[] =>
  Object.entries(stages).flatMap(([from, stage]) =>
    stage.kind === 'merger'
      ? []
      : Object.entries(stage.outputs).map(([branch, to]) => ({ from, branch, label: edgeLabel(from, branch), to })),
  );

const checkNamed = (name: string, stages: Readonly<Record<string, Stage>>, edges: readonly Edge[]): void => {
  if (typeof name !== 'string' || !NAME.test(name)) throw refuse('name', NAME_FORM, name);
  const names = Object.keys(stages);
  if (names.length === 0 || names.length > MAX_STAGES) throw refuse('stages', `1 to ${MAX_STAGES}`, names.length);
  const badName = names.find((each) => !NAME.test(each) || each === ACCEPT);
  if (badName !== undefined) throw refuse('stages', `named in ${NAME_FORM}, none of them '${ACCEPT}'`, badName);
  for (const { label, to } of edges) {
    if (typeof to === 'string' ? !names.includes(to) : !TOPIC.test(to.topic))
      throw refuse(`stages.${label}`, `a topic, or one of the stages ${names.join(', ')}`, to);
  }
};

/** The stages from the first on, each once. A second way to a stage, or none at all, is refused. */
const orderOf = (first: string, stages: Readonly<Record<string, Stage>>, edges: readonly Edge[]): readonly string[] => {
  if (stages[first] === undefined || stages[first].kind === 'merger')
    throw refuse('first', 'one of the stages, and not the merger', first);
  const order = [first];
  let merger: string | undefined;
  for (const at of order) {
    for (const { to, label } of edges.filter(({ from }) => from === at)) {
      if (typeof to !== 'string') continue;
      if (stages[to]?.kind === 'merger') merger = to;
      else if (order.includes(to))
        throw refuse(`stages.${label}`, 'the only way to its stage (only a merger has more)', to);
      else order.push(to);
    }
  }
  const reached = merger === undefined ? order : [...order, merger];
  const never = Object.keys(stages).find((name) => !reached.includes(name));
  if (never !== undefined) throw refuse('stages', 'reached from the first one', never);
  return reached;
};

/** By the stage and its inputs: what an event that comes there weighs. */
type Shares = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** The shares must stay whole numbers through all copiers on the way. */
const sharesOf = (
  first: string,
  merger: string | undefined,
  stages: Readonly<Record<string, Stage>>,
  leads: (to: Target) => boolean,
): Shares => {
  const shares = new Map(Object.keys(stages).map((name) => [name, new Map<string, number>()]));
  const visit = (name: string, input: string, share: number): void => {
    shares.get(name)?.set(input, share);
    const stage = stages[name];
    if (stage === undefined || stage.kind === 'merger') return;
    if (merger !== undefined && share > 0) shares.get(merger)?.set(voidLabel(name), share);
    const leading = Object.values(stage.outputs).filter(leads).length;
    const divided = stage.kind === 'copier' && leading > 0 ? share / leading : share;
    if (!Number.isInteger(divided) || (share > 0 && divided < WHOLE / MAX_PIECES))
      throw refuse(
        `stages.${name}`,
        `a copier to fewer branches (${MAX_PIECES} copies of an event come to the merger at most)`,
        leading,
      );
    for (const [branch, target] of Object.entries(stage.outputs))
      if (typeof target === 'string') visit(target, edgeLabel(name, branch), leads(target) ? divided : 0);
  };
  visit(first, ACCEPT, leads(first) ? WHOLE : 0);
  return shares;
};

/**
 * A pipeline of stages. Each stage but the merger has one input; there is at most one merger, and what comes out of it
 * is the pipeline's output.
 *
 * @throws {@link InvalidArgumentError} that names the stage, when they do not make a pipeline
 * @example
 * const orders = pipeline({
 *   name: 'orders',
 *   first: 'valid',
 *   stages: {
 *     valid: filter({ to: 'shard', drop: { test: ({ type }) => type === 'test' } }),
 *     shard: sharder({ to: ['merge', 'merge'] }),
 *     merge: merger(),
 *   },
 * });
 */
export const pipeline = <const S extends Readonly<Record<string, Stage>>>(options: {
  readonly name: string;
  readonly first: keyof S & string;
  readonly stages: S & Readonly<Record<keyof S, Stage<keyof S & string>>>;
}): Pipeline => {
  checkNames(options, ['name', 'first', 'stages']);
  const { name, first } = options;
  const stages: Readonly<Record<string, Stage>> = Object.freeze({ ...options.stages });
  const edges = edgesOf(stages);
  checkNamed(name, stages, edges);
  const mergers = Object.keys(stages).filter((each) => stages[each]?.kind === 'merger');
  if (mergers.length > 1) throw refuse('stages', 'with one merger at most', mergers.join(', '));
  const order = orderOf(first, stages, edges);
  const leading = new Set(mergers);
  const leadsToMerger = (target: Target): boolean => typeof target === 'string' && leading.has(target);
  // Backwards, so that the stages behind one are known before it.
  for (const each of order.toReversed())
    if (edges.some(({ from, to }) => from === each && leadsToMerger(to))) leading.add(each);
  const [merger] = mergers;
  const shares = sharesOf(first, merger, stages, leadsToMerger);
  const shareBy: Pipeline['shareBy'] = (stage, input) => shares.get(stage)?.get(input);
  const smallest = Math.min(WHOLE, ...(merger === undefined ? [] : (shares.get(merger)?.values() ?? [])));
  const maxCopies = WHOLE / smallest;
  return Object.freeze({ name, first, stages, merger, order, edges, maxCopies, leadsToMerger, shareBy });
};

/** The stage of that name, if it decides of events by itself. */
export const stepOf = ({ stages }: Pipeline, name: string): Step | undefined => {
  const stage = Object.hasOwn(stages, name) ? stages[name] : undefined;
  return stage === undefined || stage.kind === 'merger' ? undefined : stage;
};

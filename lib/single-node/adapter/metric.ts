import { refuse } from '#primitives/checks';

/** One value, told apart from the others of its family by its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Everything that is measured under one name. */
export interface MetricFamily {
  /** Snake case, in base units: `…_seconds`, `…_bytes`, `…_ratio`; a counter's ends in `_total`. */
  readonly name: string;
  /** What is measured, for people. */
  readonly help: string;
  /** A counter only ever rises, until its program starts again. */
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

/** What one look at a program gave. */
export interface Reading {
  readonly families: readonly MetricFamily[];
  /** Lines or values that were expected to be metrics and could not be read as such. */
  readonly unparsedCount: number;
}

/** Something that can be looked at, whatever it speaks. */
export interface MetricSource {
  /** The value of the label `source` of what the page tells of the source itself. */
  readonly name: string;
  /** Looks once. It may fail and it may hang: the page bounds it. */
  readonly read: (signal: AbortSignal) => Promise<Reading>;
}

const NAME = /^[a-z_][a-z0-9_]*$/;
/** Prometheus writes these itself, of histograms and summaries. */
const RESERVED_SUFFIX = /_(?:count|sum|bucket)$/;
const RESERVED_LABELS = new Set(['le', 'quantile']);
/** No name that anybody reads is longer. */
const MAX_NAME_LENGTH = 200;

const isName = (name: string): boolean => name.length <= MAX_NAME_LENGTH && NAME.test(name);
const isLabel = (name: string): boolean => isName(name) && !name.startsWith('__') && !RESERVED_LABELS.has(name);

/**
 * Refuses a family that Prometheus would refuse, or its linter.
 *
 * @throws {@link InvalidArgumentError} for a name that is not snake case, a counter that does not end in `_total` or a
 *   gauge that does, a suffix or label that belongs to histograms, and for no help
 * @see https://prometheus.io/docs/practices/naming/
 */
export const checkFamily = (family: Omit<MetricFamily, 'samples'>, labels: readonly string[] = []): void => {
  const { name, help, type } = family;
  if (!isName(name) || RESERVED_SUFFIX.test(name))
    throw refuse('name', 'snake case that does not end in _count, _sum or _bucket', name);
  if (type !== 'counter' && type !== 'gauge') throw refuse('type', 'counter or gauge', type);
  if ((type === 'counter') !== name.endsWith('_total'))
    throw refuse('name', type === 'counter' ? 'one that ends in _total' : 'one that does not end in _total', name);
  if (help.trim() === '') throw refuse('help', 'a sentence', help);
  const bad = labels.find((label) => !isLabel(label));
  if (bad !== undefined) throw refuse('labels', 'in snake case, none of le, quantile, __…', bad);
};

/** One text for a set of labels, whatever their order. */
export const labelKey = (labels: Readonly<Record<string, string>> = {}): string =>
  JSON.stringify(Object.entries(labels).toSorted(([one], [other]) => Number(one > other) - Number(one < other)));

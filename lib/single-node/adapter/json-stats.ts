import { checkInteger, checkNames, checkNumber } from '#primitives/checks';
import { jsonPointer } from './json-pointer.ts';
import { checkFamily, type MetricFamily, type Reading, type Sample } from './metric.ts';
import { scaled } from './numbers.ts';

/** How one place of a JSON document becomes a metric. */
export interface JsonMetric {
  /** Where it is: a JSON pointer (RFC 6901). */
  readonly pointer: string;
  readonly name: string;
  readonly help: string;
  readonly type: MetricFamily['type'];
  /** What one of the document's units is in base units: 0.001 for milliseconds. Default 1. */
  readonly scale?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * `pointer` leads to an object or array, and each of its members is a sample: its name, or its number in the array, is
   * the value of this label.
   */
  readonly each?: string;
  /** With `each`: where in the member the number is, as a JSON pointer. Default: the member itself. */
  readonly value?: string;
}

export interface JsonStatsOptions {
  /** 1..200 of them. */
  readonly metrics: readonly JsonMetric[];
  /** How many members of one `each` are told, 1..10 000; those over it count as unparsed. */
  readonly maxSeriesCount: number;
}

const MAX_METRICS = 200;
const MAX_LABEL_LENGTH = 200;

const numberOf = (value: unknown): number | undefined => {
  if (typeof value === 'boolean') return Number(value);
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};

type Read = (document: unknown) => { readonly samples: readonly Sample[]; readonly unparsed: number };

const NOT_THERE = Object.freeze({ samples: [], unparsed: 1 });

const reader = (metric: JsonMetric, maxSeriesCount: number): Read => {
  const { scale = 1, labels = {}, each } = metric;
  const find = jsonPointer(metric.pointer);
  const within = jsonPointer(metric.value ?? '');
  if (each === undefined) {
    return (document) => {
      const value = numberOf(find(document));
      return value === undefined ? NOT_THERE : { samples: [{ labels, value: scaled(value, scale) }], unparsed: 0 };
    };
  }
  return (document) => {
    const all = find(document);
    if (typeof all !== 'object' || all === null) return NOT_THERE;
    const members = Object.entries(all);
    const seen = new Set<string>();
    const samples = members.slice(0, maxSeriesCount).flatMap(([name, member]): Sample[] => {
      const value = numberOf(within(member));
      const label = name.slice(0, MAX_LABEL_LENGTH).toWellFormed();
      if (value === undefined || seen.has(label)) return [];
      seen.add(label);
      return [{ labels: { ...labels, [each]: label }, value: scaled(value, scale) }];
    });
    return { samples, unparsed: members.length - samples.length };
  };
};

const checkMetric = (metric: JsonMetric): void => {
  checkNames(metric, ['pointer', 'name', 'help', 'type', 'scale', 'labels', 'each', 'value']);
  checkFamily(metric, [...Object.keys(metric.labels ?? {}), ...(metric.each === undefined ? [] : [metric.each])]);
  checkNumber('scale', metric.scale ?? 1, Number.MIN_VALUE, Number.MAX_VALUE);
};

/**
 * Statistics that a program has as JSON, as metrics: which place of the document is which metric is declared. Numbers and
 * booleans are samples; what is not there, or is something else, is counted. Nothing in a document makes it fail.
 *
 * @returns A function of the document's text.
 * @throws {@link InvalidArgumentError} when a metric is not what Prometheus takes, or an option is outside its range
 * @example
 * const read = jsonStats({
 *   metrics: [{ pointer: '/heap/used', name: 'app_heap_used_bytes', help: 'Heap in use.', type: 'gauge' }],
 *   maxSeriesCount: 100,
 * });
 */
export const jsonStats = (options: JsonStatsOptions): ((text: string) => Reading) => {
  checkNames(options, ['metrics', 'maxSeriesCount']);
  const { metrics, maxSeriesCount } = options;
  checkInteger('number of metrics', metrics.length, 1, MAX_METRICS);
  checkInteger('maxSeriesCount', maxSeriesCount, 1, 10_000);
  for (const metric of metrics) checkMetric(metric);
  const readers = metrics.map((metric) => ({ metric, read: reader(metric, maxSeriesCount) }));
  return (text) => {
    let document: unknown;
    try {
      document = JSON.parse(text);
    } catch {
      return { families: [], unparsedCount: metrics.length };
    }
    const outcomes = readers.map(({ metric: { name, help, type }, read }) => ({ name, help, type, ...read(document) }));
    return {
      families: outcomes.map(({ name, help, type, samples }) => ({ name, help, type, samples })),
      unparsedCount: outcomes.reduce((sum, { unparsed }) => sum + unparsed, 0),
    };
  };
};

import { checkNames, checkText } from '#primitives/checks';
import { labelKey, type MetricFamily } from './metric.ts';

/*
 * What CloudWatch takes.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
 */
const MAX_METRICS = 100;
const MAX_DIMENSIONS = 30;
const MAX_DIMENSION_LENGTH = 1_024;
const MAX_MAGNITUDE = 1.174271e108;
const MIN_MAGNITUDE = 8.51592e-109;

type Labels = Readonly<Record<string, string>>;
interface Metric {
  readonly name: string;
  readonly value: number;
}

export interface EmbeddedMetricsOptions {
  /** CloudWatch's namespace, 1..255 characters, not one of AWS's own. */
  readonly namespace: string;
  /** When it was measured. */
  readonly atMs: number;
  /** Dimensions that are added to every metric. */
  readonly dimensions?: Labels;
}

const unitOf = (name: string): string => {
  if (/_seconds(?:_total)?$/.test(name)) return 'Seconds';
  if (/_bytes(?:_total)?$/.test(name)) return 'Bytes';
  return name.endsWith('_ratio') ? 'None' : 'Count';
};

const isTakable = (value: number): boolean => {
  const magnitude = Math.abs(value);
  return value === 0 || (magnitude >= MIN_MAGNITUDE && magnitude <= MAX_MAGNITUDE);
};

/** Dimensions are ASCII, not empty, and do not begin with a colon. */
const areTakable = (labels: Labels): boolean => {
  const entries = Object.entries(labels);
  return (
    entries.length <= MAX_DIMENSIONS &&
    entries.every(
      ([name, value]) =>
        name !== '_aws' && value.length <= MAX_DIMENSION_LENGTH && /^[\x20-\x7e]+$/.test(value) && value.trim() !== '',
    )
  );
};

const lineOf = (options: EmbeddedMetricsOptions, labels: Labels, metrics: readonly Metric[]): string =>
  JSON.stringify({
    _aws: {
      Timestamp: Math.round(options.atMs),
      CloudWatchMetrics: [
        {
          Namespace: options.namespace,
          Dimensions: [Object.keys(labels)],
          Metrics: metrics.map(({ name }) => ({ Name: name, Unit: unitOf(name) })),
        },
      ],
    },
    ...labels,
    ...Object.fromEntries(metrics.map(({ name, value }) => [name, value])),
  });

/**
 * Families as lines for a Lambda's log, out of which CloudWatch makes metrics: a line for each set of labels, of up to
 * 100 metrics. What CloudWatch would not take (NaN, infinite, empty or long dimensions) is left out, and counted.
 *
 * A counter is given as it stands; CloudWatch's `DIFF` and `RATE` make increases of it.
 *
 * @throws {@link InvalidArgumentError} when the namespace is not one
 */
export const embeddedMetrics = (
  families: readonly MetricFamily[],
  options: EmbeddedMetricsOptions,
): { readonly lines: readonly string[]; readonly leftOutCount: number } => {
  checkNames(options, ['namespace', 'atMs', 'dimensions']);
  checkText('namespace', options.namespace, 1, 255);
  const sets = new Map<string, { readonly labels: Labels; readonly metrics: Map<string, Metric> }>();
  let leftOutCount = 0;
  for (const { name, samples } of families) {
    for (const sample of samples) {
      const labels = { ...options.dimensions, ...sample.labels };
      const key = labelKey(labels);
      const set = sets.get(key) ?? { labels, metrics: new Map<string, Metric>() };
      const isRoomy = !set.metrics.has(name) && !Object.hasOwn(labels, name);
      if (!isRoomy || !isTakable(sample.value) || !areTakable(labels)) {
        leftOutCount += 1;
        continue;
      }
      sets.set(key, set);
      set.metrics.set(name, { name, value: sample.value });
    }
  }
  const lines = [...sets.values()].flatMap(({ labels, metrics }) => {
    const all = [...metrics.values()];
    const parts = Array.from({ length: Math.ceil(all.length / MAX_METRICS) }, (_, part) =>
      all.slice(part * MAX_METRICS, (part + 1) * MAX_METRICS),
    );
    return parts.map((part) => lineOf(options, labels, part));
  });
  return { lines, leftOutCount };
};

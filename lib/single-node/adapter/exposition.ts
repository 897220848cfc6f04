import type { MetricFamily, Sample } from './metric.ts';

/** The media type of {@link prometheusText}. */
export const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
const escapeLabel = (text: string): string => escapeHelp(text).replaceAll('"', '\\"');

const valueText = (value: number): string => {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
};

const labelsText = (labels: Readonly<Record<string, string>>): string => {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value.toWellFormed())}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
};

const line = (name: string, { labels = {}, value }: Sample): string =>
  `${name}${labelsText(labels)} ${valueText(value)}\n`;

/**
 * Families in the text format 0.0.4 of Prometheus. Names are written as they are: {@link checkFamily} refuses the wrong
 * ones. A family without samples is left out.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export const prometheusText = (families: readonly MetricFamily[]): string =>
  families
    .filter(({ samples }) => samples.length > 0)
    .map(
      ({ name, help, type, samples }) =>
        `# HELP ${name} ${escapeHelp(help.toWellFormed())}\n# TYPE ${name} ${type}\n` +
        samples.map((sample) => line(name, sample)).join(''),
    )
    .join('');

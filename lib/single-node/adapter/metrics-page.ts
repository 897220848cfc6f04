import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import { inTurns } from '#resilience/in-turns';
import { withDeadline } from './bounded.ts';
import { checkFamily, labelKey, type MetricFamily, type MetricSource, type Reading, type Sample } from './metric.ts';

export interface MetricsPageOptions {
  readonly sources: readonly MetricSource[];
  readonly clock: Clock;
  /** Told of sources that could not be read. */
  readonly log?: Log;
  /** How long one source may take, 1..60 000 ms. */
  readonly deadlineMs: number;
  /** How many sources are read at a time, 1..100. */
  readonly concurrency: number;
  /** How many series one source may add, 1..10 000; what is over is left out, and counted. */
  readonly maxSeriesCount: number;
}

interface Looked {
  readonly source: string;
  readonly isUp: boolean;
  readonly tookMs: number;
  readonly reading: Reading;
}

const NOTHING: Reading = Object.freeze({ families: [], unparsedCount: 0 });

const labelNames = (samples: readonly Sample[]): readonly string[] => [
  ...new Set(samples.flatMap(({ labels = {} }) => Object.keys(labels))),
];

/** Adds families of the sources to one list: what has one name is one family, what has the same labels too comes once. */
const merger = () => {
  const merged = new Map<string, { readonly family: MetricFamily; readonly samples: Map<string, Sample> }>();
  /** @returns How many samples were left out. */
  const add = (family: MetricFamily, room: number): { readonly added: number; readonly dropped: number } => {
    const known = merged.get(family.name) ?? { family, samples: new Map<string, Sample>() };
    if (known.family.type !== family.type) return { added: 0, dropped: family.samples.length };
    merged.set(family.name, known);
    let added = 0;
    for (const sample of family.samples) {
      const key = labelKey(sample.labels);
      if (added === room || known.samples.has(key)) continue;
      known.samples.set(key, sample);
      added += 1;
    }
    return { added, dropped: family.samples.length - added };
  };
  const families = (): MetricFamily[] =>
    [...merged.values()].map(({ family, samples }) => ({ ...family, samples: [...samples.values()] }));
  return { add, families };
};

const gauge = (name: string, help: string, samples: readonly Sample[]): MetricFamily => ({
  name,
  help,
  type: 'gauge',
  samples,
});

const ofSources = (looks: readonly Looked[], dropped: ReadonlyMap<string, number>): readonly MetricFamily[] => {
  const each = (value: (look: Looked) => number): readonly Sample[] =>
    looks.map((look) => ({ labels: { source: look.source }, value: value(look) }));
  return [
    gauge(
      'adapter_source_up',
      'Whether the source could be read, 1 or 0.',
      each(({ isUp }) => Number(isUp)),
    ),
    gauge(
      'adapter_source_read_seconds',
      'How long it took to read the source.',
      each(({ tookMs }) => Math.round(tookMs * 1_000) / 1_000_000),
    ),
    gauge(
      'adapter_source_unparsed_values',
      'Lines and values of the source that could not be read this time.',
      each(({ reading }) => reading.unparsedCount),
    ),
    gauge(
      'adapter_source_dropped_series',
      'Series of the source that were left out this time: too many, or there already.',
      each(({ source }) => dropped.get(source) ?? 0),
    ),
  ];
};

/**
 * All sources as one list of families, read side by side whenever it is called. A source that fails, hangs or gives
 * rubbish is told as such (`adapter_source_up` 0) and takes no other along: the page always comes, within
 * `⌈sources / concurrency⌉ × deadlineMs`. Those who ask while it is being made get the same one.
 *
 * @throws {@link InvalidArgumentError} when an option is outside its range
 */
export const metricsPage = (options: MetricsPageOptions): (() => Promise<readonly MetricFamily[]>) => {
  checkNames(options, ['sources', 'clock', 'log', 'deadlineMs', 'concurrency', 'maxSeriesCount']);
  const { sources, clock, log, deadlineMs, concurrency, maxSeriesCount } = options;
  checkInteger('deadlineMs', deadlineMs, 1, 60_000);
  checkInteger('concurrency', concurrency, 1, 100);
  checkInteger('maxSeriesCount', maxSeriesCount, 1, 10_000);

  const look = async ({ name: source, read }: MetricSource): Promise<Looked> => {
    const startedMs = clock.monotonicMs();
    const ended = (isUp: boolean, reading: Reading): Looked => ({
      source,
      isUp,
      tookMs: clock.monotonicMs() - startedMs,
      reading,
    });
    try {
      const reading = await withDeadline(clock, deadlineMs, read);
      for (const family of reading.families) checkFamily(family, labelNames(family.samples));
      return ended(true, reading);
    } catch (error) {
      log?.warn('A source of metrics could not be read', { source, error });
      return ended(false, NOTHING);
    }
  };

  const collect = async (): Promise<readonly MetricFamily[]> => {
    const looks = await inTurns(sources, concurrency, look);
    const all = merger();
    const dropped = new Map<string, number>();
    for (const { source, reading } of looks) {
      let room = maxSeriesCount;
      for (const family of reading.families) {
        const outcome = all.add(family, room);
        room -= outcome.added;
        dropped.set(source, (dropped.get(source) ?? 0) + outcome.dropped);
      }
    }
    return [...ofSources(looks, dropped), ...all.families()];
  };

  let current: Promise<readonly MetricFamily[]> | undefined;
  return () =>
    (current ??= collect().finally(() => {
      current = undefined;
    }));
};

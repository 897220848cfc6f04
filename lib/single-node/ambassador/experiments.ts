import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { equals, type Fields, type Key, type TableRecord } from '#primitives/table';
import { cachedReads, type CachedReadsOptions } from './cached-reads.ts';
import { activeVariants, checkPlan, type Experiment, type ExperimentPlan } from './experiment.ts';
import { checkName, isName } from './registry.ts';
import { sampleRatio, type SampleRatio } from './sample-ratio.ts';
import type { Counts, VariantCount, VariantCounts } from './variant-counts.ts';

export interface ExperimentsOptions extends CachedReadsOptions {
  readonly random: Random;
  readonly log: Log;
  readonly counts: Counts;
}

/** How an experiment goes. */
export interface ExperimentReport {
  readonly experiment: Experiment;
  readonly counts: Readonly<Record<string, VariantCount>>;
  /** Of senders, since one who comes often says nothing of the split; of the variants that were not rolled back. */
  readonly sampleRatio: SampleRatio;
}

/** The experiments, by name, and how they go. */
export interface Experiments {
  /**
   * Begins an experiment, or begins it anew: with no counts, and nothing rolled back. Hosts that know the old one go on
   * with it for `refreshMs` at most.
   *
   * @throws {@link InvalidArgumentError} when the name or something in the plan is out of its range
   */
  put(name: string, plan: ExperimentPlan): Promise<Experiment>;
  /** No call when this host knows, else one read. */
  get(name: string): Promise<Experiment | undefined>;
  /** With all counts that were written, and this host's own up to now. Up to 1 write and 2 reads. */
  report(name: string): Promise<ExperimentReport | undefined>;
  /**
   * Counts what came of a request, and stops a variant that has gone wrong. No call, and one when a variant is stopped,
   * for which nobody waits; one that fails is tried again with the next request.
   */
  count(experiment: Experiment, service: string, what: { readonly isError: boolean; readonly sender?: string }): void;
}

const inOrder = (names: Iterable<string>): readonly string[] =>
  [...new Set(names)].toSorted((one, other) => Number(one > other) - Number(one < other));
const keyOf = (name: string): Key => ({ partition: `experiment/${name}`, sort: 'experiment' });
const NONE: VariantCount = { requests: 0, errors: 0, senders: 0 };

/** Undefined for a record that we have not written. */
const experimentOf = (name: string, fields: TableRecord['fields'] | undefined): Experiment | undefined => {
  const { plan, version, rolledBack } = fields ?? {};
  if (typeof plan !== 'string' || typeof version !== 'string') return undefined;
  // Written by `put`, which took it from a plan that was checked.
  const { variants, stickyBy, shadow, rollback } = JSON.parse(plan) as ExperimentPlan;
  return Object.freeze({
    name,
    version,
    variants,
    ...(stickyBy === undefined ? {} : { stickyBy }),
    ...(shadow === undefined ? {} : { shadow }),
    ...(rollback === undefined ? {} : { rollback }),
    rolledBack: rolledBack instanceof Set ? inOrder(rolledBack as ReadonlySet<string>) : [],
  });
};

const errorRate = ({ requests, errors }: VariantCount): number => (requests === 0 ? 0 : errors / requests);

/**
 * The variant to stop now: enough requests, too many errors, and another one to go to that is better off. When all fail
 * alike it is not the variant's fault, and nobody is served by stopping it.
 */
const variantToStop = (experiment: Experiment, counts: VariantCounts): string | undefined => {
  const { rollback } = experiment;
  if (rollback === undefined) return undefined;
  const active = activeVariants(experiment).map(({ service }) => ({ service, count: counts[service] ?? NONE }));
  const isBad = (count: VariantCount): boolean => errorRate(count) > rollback.errorRate;
  if (active.every(({ count }) => isBad(count))) return undefined;
  return active.find(({ count }) => count.requests >= rollback.minRequests && isBad(count))?.service;
};

/** @throws {@link InvalidArgumentError} when an option is out of its range */
export const experiments = (options: ExperimentsOptions): Experiments => {
  const { random, log, counts, ...reading } = options;
  const { table } = reading;
  const reads = cachedReads(reading);
  /** Stopped by this host, before it reads so. */
  const stopped = new Map<string, ReadonlySet<string>>();

  const seen = (experiment: Experiment | undefined): Experiment | undefined => {
    const own = experiment === undefined ? undefined : stopped.get(experiment.name + experiment.version);
    if (experiment === undefined || own === undefined) return experiment;
    return { ...experiment, rolledBack: inOrder([...own, ...experiment.rolledBack]) };
  };
  const stopHere = (experiment: Experiment, service: string, isStopped: boolean): void => {
    const key = experiment.name + experiment.version;
    const known = new Set(stopped.get(key));
    if (isStopped) known.add(service);
    else known.delete(service);
    stopped.delete(key);
    stopped.set(key, known);
    const [oldest] = stopped.keys();
    if (stopped.size > 100 && oldest !== undefined) stopped.delete(oldest);
  };

  const stop = async (experiment: Experiment, service: string, count: VariantCount): Promise<void> => {
    const { name, version } = experiment;
    stopHere(experiment, service, true);
    try {
      // A set, so that hosts that find out at the same time, and answers that get lost, do no harm.
      await table.update({
        key: keyOf(name),
        union: { rolledBack: [service] },
        condition: equals('version', version),
      });
      reads.forget(keyOf(name));
      log.warn('a variant was rolled back', { experiment: name, variant: service, ...count });
    } catch (error) {
      stopHere(experiment, service, false);
      log.warn('a variant was not rolled back', { experiment: name, variant: service, error });
    }
  };

  const get: Experiments['get'] = async (name) =>
    isName(name) ? seen(experimentOf(name, await reads.get(keyOf(name)))) : undefined;

  return Object.freeze<Experiments>({
    get,
    put: async (name, plan) => {
      checkName('name', name);
      checkPlan(plan);
      const fields: Fields = { plan: JSON.stringify(plan), version: random.uuid() };
      await table.put({ key: keyOf(name), fields });
      reads.forget(keyOf(name));
      return experimentOf(name, fields) as Experiment;
    },
    report: async (name) => {
      if (!isName(name)) return undefined;
      reads.forget(keyOf(name));
      const experiment = await get(name);
      if (experiment === undefined) return undefined;
      await counts.flush(name, experiment.version);
      const known = counts.known(name, experiment.version);
      const active = activeVariants(experiment);
      return {
        experiment,
        counts: Object.fromEntries(experiment.variants.map(({ service }) => [service, known[service] ?? NONE])),
        sampleRatio: sampleRatio({
          observed: active.map(({ service }) => known[service]?.senders ?? 0),
          weights: active.map(({ weight }) => weight),
        }),
      };
    },
    count: (experiment, service, what) => {
      const { name, version } = experiment;
      counts.add(name, version, service, what);
      const now = seen(experiment) ?? experiment;
      const known = counts.known(name, version);
      const bad = variantToStop(now, known);
      if (bad !== undefined) void stop(experiment, bad, known[bad] ?? NONE);
    },
  });
};

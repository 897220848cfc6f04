import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import { inTurns } from '#resilience/in-turns';
import { LateError, withDeadline } from './bounded.ts';

/** The media type of a {@link HealthReport}. */
export const HEALTH_JSON = 'application/health+json';

/** `warn`: healthy, with concerns. */
export type HealthStatus = 'pass' | 'warn' | 'fail';

/** What a probe saw. */
export interface Observation {
  readonly value: number | string;
  /** E.g. `ms`, `messages`. */
  readonly unit?: string;
  /** Default `pass`. */
  readonly status?: HealthStatus;
  /** Why it is no `pass`; read by anyone, so nothing secret. */
  readonly output?: string;
}

/** One question to one component. */
export interface HealthProbe {
  /** `component:measurement`, e.g. `redis:responseTime`. Several probes may have one name. */
  readonly name: string;
  /** Which one of the component's instances; unique within its name. */
  readonly componentId: string;
  readonly componentType?: 'component' | 'datastore' | 'system';
  /** False: its failure is a warning for the whole. Default true. */
  readonly required?: boolean;
  /** A real query. Throws when the component does not do it; it may hang. */
  readonly probe: (signal: AbortSignal) => Promise<Observation>;
}

export interface HealthCheck {
  readonly componentId: string;
  readonly componentType?: string;
  readonly observedValue?: number | string;
  readonly observedUnit?: string;
  readonly status: HealthStatus;
  /** ISO 8601. */
  readonly time: string;
  readonly output?: string;
}

/** @see https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06 */
export interface HealthReport {
  readonly status: HealthStatus;
  readonly serviceId?: string;
  readonly description?: string;
  readonly checks: Readonly<Record<string, readonly HealthCheck[]>>;
}

export interface HealthOptions {
  /** 1..100 of them. */
  readonly probes: readonly HealthProbe[];
  readonly clock: Clock;
  /** Told why a probe failed. */
  readonly log?: Log;
  /** How long one probe may take, 1..60 000 ms. */
  readonly deadlineMs: number;
  /** How many probes run at a time, 1..100. */
  readonly concurrency: number;
  readonly serviceId?: string;
  readonly description?: string;
}

const NAME = /^[A-Za-z][\w-]*:[A-Za-z][\w-]*$/;

/** What the public is told of an error: its kind, none of its text. */
const reasonOf = (error: unknown): string => {
  if (error instanceof LateError) return error.message;
  return error instanceof PatternError ? error.code : 'failed';
};

const worst = (statuses: readonly HealthStatus[]): HealthStatus => {
  if (statuses.includes('fail')) return 'fail';
  return statuses.includes('warn') ? 'warn' : 'pass';
};

const checkOptions = (options: HealthOptions): void => {
  checkNames(options, ['probes', 'clock', 'log', 'deadlineMs', 'concurrency', 'serviceId', 'description']);
  checkInteger('number of probes', options.probes.length, 1, 100);
  checkInteger('deadlineMs', options.deadlineMs, 1, 60_000);
  checkInteger('concurrency', options.concurrency, 1, 100);
  const seen = new Set<string>();
  for (const { name, componentId } of options.probes) {
    if (!NAME.test(name)) throw refuse('name', "like 'redis:responseTime'", name);
    const key = JSON.stringify([name, componentId]);
    if (seen.has(key)) throw refuse('componentId', `unique within ${name}`, componentId);
    seen.add(key);
  }
};

/**
 * Asks a program, or what it stands on, for its health by doing something real with it, and measures that. The report
 * always comes, within `⌈probes / concurrency⌉ × deadlineMs`: what hangs is a failure.
 *
 * Of each probe at most one runs at a time: reports that are asked for side by side share it, and one that does not heed
 * its deadline is not begun again before it has ended. So asking often costs no more than asking once.
 *
 * @throws {@link InvalidArgumentError} when an option is outside its range, or two probes are one
 */
export const health = (options: HealthOptions): (() => Promise<HealthReport>) => {
  checkOptions(options);
  const { probes, clock, log, deadlineMs, concurrency, serviceId, description } = options;
  const running = new Map<HealthProbe, Promise<Observation>>();
  /** Those that were aborted at their deadline and have not ended. */
  const stuck = new Set<HealthProbe>();

  /** Joins the run that there is, or begins one; its end is noted whenever it comes. */
  const run = (probe: HealthProbe, signal: AbortSignal): Promise<Observation> => {
    const current = running.get(probe);
    if (current !== undefined) return current;
    const begun = Promise.resolve().then(() => probe.probe(signal));
    running.set(probe, begun);
    const end = (): void => {
      running.delete(probe);
      stuck.delete(probe);
    };
    begun.then(end, end);
    return begun;
  };

  const observe = async (probe: HealthProbe): Promise<Observation> => {
    if (stuck.has(probe)) return { value: 'stuck', status: 'fail', output: 'an earlier probe has not ended' };
    try {
      return await withDeadline(clock, deadlineMs, (signal) => run(probe, signal));
    } catch (error) {
      if (error instanceof LateError && running.has(probe)) stuck.add(probe);
      log?.warn('A health probe failed', { probe: probe.name, componentId: probe.componentId, error });
      return { value: 'none', status: 'fail', output: reasonOf(error) };
    }
  };

  const check = async (probe: HealthProbe): Promise<{ readonly name: string; readonly check: HealthCheck }> => {
    const { componentId, componentType = 'component', required = true } = probe;
    const { value, unit, status: seen = 'pass', output } = await observe(probe);
    const status = seen === 'fail' && !required ? 'warn' : seen;
    return {
      name: probe.name,
      check: {
        componentId,
        componentType,
        observedValue: value,
        ...(unit === undefined ? {} : { observedUnit: unit }),
        status,
        time: new Date(clock.nowMs()).toISOString(),
        ...(output === undefined || status === 'pass' ? {} : { output }),
      },
    };
  };

  return async () => {
    const seen = await inTurns(probes, concurrency, check);
    const checks: Record<string, HealthCheck[]> = {};
    for (const { name, check: one } of seen) (checks[name] ??= []).push(one);
    return {
      status: worst(seen.map(({ check: { status } }) => status)),
      ...(serviceId === undefined ? {} : { serviceId }),
      ...(description === undefined ? {} : { description }),
      checks,
    };
  };
};

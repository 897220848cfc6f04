import type { TopzReport } from './report.ts';

interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge';
  readonly help: string;
  /** By labels, as they are written. */
  readonly values: Readonly<Record<string, number | null>>;
}

const metric = (
  type: Metric['type'],
  name: string,
  help: string,
  value: number | null | Readonly<Record<string, number | null>>,
): Metric => ({ type, name, help, values: value === null || typeof value === 'number' ? { '': value } : value });

const scaled = (value: number | null | undefined, factor: number): number | null =>
  value === null || value === undefined ? null : value / factor;

const metricsOf = (report: TopzReport): readonly Metric[] => {
  const { status, cpu, memory, eventLoopDelay: delay, invocations } = report;
  const isUp = status === 'running';
  return [
    metric('gauge', 'topz_up', 'Whether the program runs: 1, or 0 when it has ended.', isUp ? 1 : 0),
    metric('counter', 'topz_cpu_seconds_total', 'Processor time of the program since its start.', {
      'mode="user"': cpu.userMs / 1_000,
      'mode="system"': cpu.systemMs / 1_000,
    }),
    metric('gauge', 'topz_cpu_ratio', 'Cores busy since the reading before.', cpu.ratio),
    metric('gauge', 'topz_resident_memory_bytes', 'Memory of the program in RAM.', isUp ? memory.residentBytes : 0),
    metric('gauge', 'topz_open_files', 'Open files and sockets.', report.openFiles),
    metric('gauge', 'topz_threads', 'Threads.', report.threads),
    metric('gauge', 'topz_handles', 'What keeps the event loop alive.', report.handles),
    metric('gauge', 'topz_start_time_seconds', 'When the program was started.', Date.parse(report.startedAt) / 1_000),
    metric('gauge', 'topz_event_loop_delay_seconds', 'How late timers were since the reading before.', {
      'statistic="mean"': scaled(delay?.meanMs, 1_000),
      'statistic="p99"': scaled(delay?.p99Ms, 1_000),
      'statistic="max"': scaled(delay?.maxMs, 1_000),
    }),
    metric('counter', 'topz_invocations_total', 'Calls of the function.', invocations?.count ?? null),
    metric('counter', 'topz_invocations_failed_total', 'Calls that failed.', invocations?.failed ?? null),
    metric('counter', 'topz_invocations_seconds_total', 'Time in calls.', scaled(invocations?.busyMs, 1_000)),
  ];
};

/**
 * The report as Prometheus reads it. What the place does not say is left out.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export const metricsText = (report: TopzReport): string => {
  const parts = metricsOf(report).flatMap(({ name, type, help, values }) => {
    const lines = Object.entries(values).flatMap(([labels, value]) =>
      value === null ? [] : [`${name}${labels === '' ? '' : `{${labels}}`} ${value}`],
    );
    return lines.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines];
  });
  return `${parts.join('\n')}\n`;
};

import type { Reading, UsageSource } from './usage.ts';

/** What `topz` says of a program: JSON as it is. Null: the place does not say. */
export interface TopzReport {
  /** `gone`: it ended, or another program has its pid. The figures are then the last that were read. */
  readonly status: 'running' | 'gone';
  readonly source: UsageSource['kind'];
  readonly pid: number;
  /** As in RFC 3339. */
  readonly startedAt: string;
  readonly cpu: {
    /** Since the program's start. */
    readonly userMs: number;
    readonly systemMs: number;
    /** Since the reading before, whoever asked for it: 1 is one core busy all the time. Null when no time has passed. */
    readonly ratio: number | null;
    /** How long ago that was. */
    readonly overMs: number;
  };
  readonly memory: { readonly residentBytes: number };
  readonly openFiles: number | null;
  readonly threads: number | null;
  readonly handles: number | null;
  readonly eventLoopDelay: { readonly meanMs: number; readonly p99Ms: number; readonly maxMs: number } | null;
  /** Calls of the function that the sidecar stands beside; null where it sees none. */
  readonly invocations: { readonly count: number; readonly failed: number; readonly busyMs: number } | null;
}

/** A reading, and the instant of a clock that never goes back. */
export interface Sample {
  readonly usage: Extract<Reading, { status: 'running' }>['usage'];
  readonly atMs: number;
}

const ratioOf = (now: Sample, before: Sample): number | null => {
  const overMs = now.atMs - before.atMs;
  const cpuMs = ({ usage }: Sample): number => usage.cpuUserMs + usage.cpuSystemMs;
  return overMs > 0 ? Math.max(0, (cpuMs(now) - cpuMs(before)) / overMs) : null;
};

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

/** Of two readings, the later one and the one before it, which gives the ratio. */
export const reportOf = (options: {
  readonly status: TopzReport['status'];
  readonly source: UsageSource['kind'];
  readonly now: Sample;
  readonly before: Sample;
  readonly invocations: TopzReport['invocations'];
}): TopzReport => {
  const { status, source, now, before, invocations } = options;
  const { usage } = now;
  const ratio = status === 'gone' ? 0 : ratioOf(now, before);
  const delay = usage.eventLoopDelay;
  return Object.freeze({
    status,
    source,
    pid: usage.pid,
    startedAt: new Date(usage.startedAtMs).toISOString(),
    cpu: {
      userMs: rounded(usage.cpuUserMs),
      systemMs: rounded(usage.cpuSystemMs),
      ratio: ratio === null ? null : rounded(ratio),
      overMs: rounded(now.atMs - before.atMs),
    },
    memory: { residentBytes: usage.residentBytes },
    openFiles: usage.openFiles ?? null,
    threads: usage.threads ?? null,
    handles: usage.handles ?? null,
    eventLoopDelay:
      delay === undefined
        ? null
        : { meanMs: rounded(delay.meanMs), p99Ms: rounded(delay.p99Ms), maxMs: rounded(delay.maxMs) },
    invocations,
  });
};

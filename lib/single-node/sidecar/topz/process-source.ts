import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import type { Clock } from '#primitives/clock';
import type { UsageSource } from './usage.ts';

/** How often the delay is taken: shorter ones are not seen, and each costs a timer. */
const RESOLUTION_MS = 20;
const NS_PER_MS = 1e6;

/** A timer that is due in 20 ms and comes after 20 ms was not late. */
const lateMs = (ns: number): number => (Number.isFinite(ns) ? Math.max(0, ns / NS_PER_MS - RESOLUTION_MS) : 0);

/**
 * Reads what the own process uses, the delay of its event loop included: for `withSidecar`. All threads of the process
 * count, the delay is of the thread that reads.
 *
 * @see https://nodejs.org/api/perf_hooks.html#perf_hooksmonitoreventloopdelayoptions
 */
export const processSource = ({ clock }: { readonly clock: Clock }): UsageSource => {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const startedAtMs = Math.round(clock.nowMs() - process.uptime() * 1_000);
  return Object.freeze<UsageSource>({
    kind: 'process',
    close: () => void histogram.disable(),
    read: async () => {
      const { user, system } = process.cpuUsage();
      const eventLoopDelay = {
        meanMs: lateMs(histogram.mean),
        p99Ms: lateMs(histogram.percentile(99)),
        maxMs: lateMs(histogram.max),
      };
      histogram.reset();
      return {
        status: 'running',
        usage: {
          pid: process.pid,
          startedAtMs,
          cpuUserMs: user / 1_000,
          cpuSystemMs: system / 1_000,
          residentBytes: process.memoryUsage.rss(),
          handles: process.getActiveResourcesInfo().length,
          eventLoopDelay,
        },
      };
    },
  });
};

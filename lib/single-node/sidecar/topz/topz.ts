import type { Server } from 'node:http';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { Json } from '#primitives/table';
import { closeServer, isLoopback, listenAt, type ListenAt } from '../listening.ts';
import type { Sidecar } from '../sidecar.ts';
import { reportOf, type Sample, type TopzReport } from './report.ts';
import { topzServer } from './topz-server.ts';
import type { UsageSource } from './usage.ts';

export interface TopzOptions {
  /** `procSource`, `psSource` or `usageSource` for a program by its pid, `processSource` for the own process. */
  readonly source: UsageSource;
  readonly clock: Clock;
  /** Where the report is served: a loopback address. Without it, it is not: ask `read`. */
  readonly listen?: ListenAt;
}

/** The sidecar, and the report for whoever serves it himself. */
export interface Topz extends Sidecar {
  /**
   * Reads now. Callers that come while a reading is under way share it.
   *
   * @throws {@link PatternError} `sidecar/usage` when the reading failed, or there was none before the program was gone
   */
  read(): Promise<TopzReport>;
}

const validate = (options: TopzOptions): void => {
  checkNames(options, ['source', 'clock', 'listen']);
  if (options.listen === undefined) return;
  const { host, port } = options.listen;
  if (!isLoopback(host)) throw refuse('listen.host', 'a loopback address (127.0.0.0/8 or ::1)', host);
  checkInteger('listen.port', port, 0, 65_535);
};

/** Reads one at a time, and keeps the last two readings. */
const watch = (source: UsageSource, clock: Clock, invocations: () => TopzReport['invocations']) => {
  let before: Sample | undefined;
  let last: Sample | undefined;
  let isGone = false;
  let reading: Promise<TopzReport> | undefined;

  const current = (): TopzReport => {
    if (last === undefined) throw new PatternError('sidecar/usage', 'There is no such program');
    const status = isGone ? 'gone' : 'running';
    return reportOf({ status, source: source.kind, now: last, before: before ?? last, invocations: invocations() });
  };

  const readOnce = async (): Promise<TopzReport> => {
    if (isGone) return current();
    const result = await source.read();
    if (result.status === 'gone') isGone = true;
    else {
      before = last;
      last = { usage: result.usage, atMs: clock.monotonicMs() };
    }
    return current();
  };

  const read = (): Promise<TopzReport> => {
    reading ??= readOnce().finally(() => {
      reading = undefined;
    });
    return reading;
  };
  return { read, current: () => (last === undefined ? undefined : current()) };
};

const tally = () => {
  const counts = { count: 0, failed: 0, busyMs: 0 };
  return {
    counts: (): TopzReport['invocations'] => (counts.count === 0 ? null : { ...counts }),
    add: (isFailed: boolean, tookMs: number): void => {
      counts.count += 1;
      counts.failed += isFailed ? 1 : 0;
      counts.busyMs += tookMs;
    },
  };
};

/**
 * Says what a program uses that does not say so itself: processor time since its start and as a ratio since the reading
 * before, memory, open files, threads; in its own process also the delay of its event loop and its calls. Each reading
 * is of the instant when somebody asks; nothing runs in between.
 *
 * A program that ended, or whose pid now belongs to another, is `gone` for ever, with the last figures read; it is told
 * from its successor by the time of its start. `start` rejects when the program is not there.
 *
 * With `listen` it serves `GET /topz` (JSON) and `GET /metrics` (Prometheus) to this machine only, whatever name a
 * request gives it.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown, or the address is not of loopback
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3 (a modular topz container)
 */
export const topz = (options: TopzOptions): Topz => {
  validate(options);
  const { source, clock, listen } = options;
  const calls = tally();
  const { read, current } = watch(source, clock, calls.counts);
  let server: Server | undefined;
  let address: string | undefined;

  return Object.freeze<Topz>({
    name: 'topz',
    read,
    start: async ({ signal }) => {
      const first = await read();
      if (first.status === 'gone') throw new PatternError('sidecar/usage', 'There is no such program');
      if (listen === undefined) return;
      const opened = topzServer(read);
      address = `http://${await listenAt(opened, listen, signal)}`;
      server = opened;
    },
    after: (_invocation, outcome) => calls.add(outcome.status === 'failed', outcome.tookMs),
    stop: async (signal) => {
      if (server !== undefined) await closeServer(server, signal);
      source.close?.();
    },
    report: (): Json => {
      const report = current();
      return { ...(address === undefined ? {} : { address }), ...(report === undefined ? {} : { ...report }) };
    },
  });
};

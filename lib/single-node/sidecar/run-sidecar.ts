import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Json } from '#primitives/table';
import { crew } from './crew.ts';
import type { Sidecar } from './sidecar.ts';

export interface RunSidecarOptions {
  readonly sidecar: Sidecar;
  readonly clock: Clock;
  readonly log: Log;
  /** How long the start may take. 1..600_000 ms. */
  readonly startMs: number;
  /** How long the stop may take: what was begun is finished within it. 1..600_000 ms. */
  readonly stopMs: number;
  /** When it is aborted the sidecar is stopped. */
  readonly signal: AbortSignal;
  /** Called once, when the sidecar does its work, with its report. */
  readonly ready: (report: Json) => void;
}

/**
 * Runs one sidecar as what the process is for, until `signal` is aborted. True when it came up and stopped cleanly, or
 * was stopped before it came up; false when its start failed or was late, or its stop. Calls no hooks of invocations:
 * a process sees none.
 *
 * @throws {@link InvalidArgumentError} when a time is out of range or the name of the sidecar is not allowed
 */
export const runSidecar = async (options: RunSidecarOptions): Promise<boolean> => {
  const { sidecar, signal, ready } = options;
  const one = crew({ ...options, required: [sidecar], optional: [] });
  const aborted = Promise.withResolvers<void>();
  if (signal.aborted) return true;
  // A start that is under way is told by its own signal, which the stop aborts.
  const stop = (): void => {
    void one.stop().then(() => aborted.resolve());
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    await one.start();
    ready(sidecar.report?.() ?? null);
    await aborted.promise;
  } catch {
    // What went wrong has been logged by the crew; an end that was asked for is none.
    if (!signal.aborted) {
      await one.stop();
      return false;
    }
  } finally {
    signal.removeEventListener('abort', stop);
  }
  return (await one.stop()).length === 0;
};

import { dirname, isAbsolute } from 'node:path';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import type { Json } from '#primitives/table';
import type { Files } from '../files.ts';
import { removeLeftovers, replaceFile } from '../replace-file.ts';
import type { Sidecar } from '../sidecar.ts';
import { within } from '../within.ts';
import type { ConfigSource } from './sources.ts';
import { decide, readConfig, writeConfig, type Config, type Validate } from './step.ts';

export interface ConfigSyncOptions {
  readonly source: ConfigSource;
  /** The file that the program reads: `{"version": 7, "value": …}`. Absolute; its folder is made. One sidecar a file. */
  readonly file: string;
  readonly validate: Validate;
  /** What the file holds, as version 0, until the source has something. Must be valid. */
  readonly initial?: Json;
  /** How long after one look at the source the next may begin. 1..86_400_000 ms. */
  readonly intervalMs: number;
  /** How long a look may take before it counts as failed. 1..600_000 ms. */
  readonly readMs: number;
  /** How long the start, or a call of a function, waits for a look; then it goes on with the last good one. 1..600_000 ms. */
  readonly waitMs: number;
  /**
   * `interval`: looks by itself, for a process of its own. `calls`: only before a call, when `intervalMs` have passed,
   * for functions that are frozen between calls.
   */
  readonly looks: 'interval' | 'calls';
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What the sidecar says of itself. */
export interface ConfigSyncReport {
  readonly [name: string]: Json;
  readonly source: string;
  readonly file: string;
  /** The version in the file; null when there is none yet. */
  readonly version: number | null;
  /** What the last look found: `none` before the first one. */
  readonly lastLook: 'none' | 'applied' | 'same' | 'absent' | 'older' | 'refused' | 'failed';
  /** When the source last answered; null: never. */
  readonly answeredAtMs: number | null;
  /** The last version that was refused, and why; null when a valid one came since. */
  readonly refused: { readonly version: number | null; readonly reason: string } | null;
  readonly appliedCount: number;
  readonly refusedCount: number;
  readonly olderCount: number;
  readonly failedCount: number;
}

/** The sidecar, and its one verb. */
export interface ConfigSync extends Sidecar {
  /** One look at the source, or the one that runs. Never throws: what came of it is in the report. */
  sync(): Promise<ConfigSyncReport>;
  report(): ConfigSyncReport;
}

const OPTIONS = 'source file validate initial intervalMs readMs waitMs looks files clock random log'.split(' ');

const checkOptions = (options: ConfigSyncOptions): void => {
  checkNames(options, OPTIONS);
  if (!isAbsolute(options.file)) throw refuse('file', 'an absolute path', options.file);
  checkInteger('intervalMs', options.intervalMs, 1, 86_400_000);
  checkInteger('readMs', options.readMs, 1, 600_000);
  checkInteger('waitMs', options.waitMs, 1, 600_000);
  if (options.looks !== 'interval' && options.looks !== 'calls')
    throw refuse('looks', `'interval' or 'calls'`, options.looks);
};

type Mutable<T> = { -readonly [name in keyof T]: T[name] };

/** The look itself: reads, decides, and replaces the file. */
const looker = (options: ConfigSyncOptions, state: Mutable<ConfigSyncReport>) => {
  const { source, file, validate, files, clock, random, log } = options;

  const apply = async (config: Config): Promise<void> => {
    await replaceFile(files, file, writeConfig(config), random.uuid());
    state.version = config.version;
    state.appliedCount += 1;
    log.info('configuration applied', { version: config.version });
  };

  const act = async (candidate: Awaited<ReturnType<ConfigSource['read']>>): Promise<ConfigSyncReport['lastLook']> => {
    // What is in the file counts, not what we remember: it may be older than a crash, or gone.
    const text = await files.read(file);
    const current = text === undefined ? undefined : readConfig(text);
    state.version = current?.version ?? null;
    const decision = decide(current?.version, candidate, validate);
    switch (decision.kind) {
      case 'apply':
        await apply(decision.config);
        state.refused = null;
        return 'applied';
      case 'refused': {
        const { version, reason } = decision;
        const isNew = state.refused?.version !== version || state.refused.reason !== reason;
        if (isNew) log.warn('configuration refused', { version, reason });
        state.refusedCount += isNew ? 1 : 0;
        state.refused = { version, reason };
        return 'refused';
      }
      case 'older':
        state.olderCount += 1;
        return 'older';
      case 'same':
        state.refused = null;
        return 'same';
      case 'absent':
        return 'absent';
    }
  };

  const look = async (): Promise<void> => {
    // A read that comes after its time is dropped here, whatever it brings.
    const read = await within(clock, options.readMs, () => source.read());
    try {
      if (read.status === 'failed') throw read.error;
      if (read.status === 'late') throw new Error(`no answer within ${options.readMs} ms`);
      state.answeredAtMs = clock.nowMs();
      state.lastLook = await act(read.value);
    } catch (error) {
      state.failedCount += 1;
      state.lastLook = 'failed';
      log.warn('configuration not synced', { source: source.name, error });
    }
  };

  const prepare = async (): Promise<void> => {
    await files.makeFolder(dirname(file));
    await removeLeftovers(files, file);
    const text = await files.read(file);
    const current = text === undefined ? undefined : readConfig(text);
    if (current !== undefined) state.version = current.version;
    else if (options.initial !== undefined) {
      const decision = decide(undefined, { version: 0, value: options.initial }, validate);
      if (decision.kind !== 'apply') throw refuse('initial', 'a valid configuration', options.initial);
      await apply(decision.config);
    }
  };
  return { look, prepare };
};

/**
 * Keeps the configuration file of a program as new as its source, while the program knows of neither. What is in the
 * file is at every moment whole, valid, and never older than what was there before: a new version replaces it at once
 * (written beside it, synced, renamed), an invalid or late one never gets there. When the source does not answer, and
 * after a restart, the last good one stays. A crash at any step leaves the old version or the new one; what else is
 * left behind is removed by the next start. After a loss of power the version before may be back until the next look.
 *
 * The program reads its file again when it changes, or whenever it wants.
 *
 * @throws {@link InvalidArgumentError} when an option is out of its range; `start` rejects with it when `initial` is not
 *   valid, and with the system's error when the file can't be written
 * @see Burns, Designing Distributed Systems, 2nd ed., chapter 3
 */
export const configSync = (options: ConfigSyncOptions): ConfigSync => {
  checkOptions(options);
  const { source, file, clock, intervalMs, waitMs } = options;
  const state: Mutable<ConfigSyncReport> = {
    source: source.name,
    file,
    version: null,
    lastLook: 'none',
    answeredAtMs: null,
    refused: null,
    appliedCount: 0,
    refusedCount: 0,
    olderCount: 0,
    failedCount: 0,
  };
  const { look, prepare } = looker(options, state);
  let running: Promise<void> | undefined;
  let lookedAtMs: number | undefined;
  let loop: Promise<void> | undefined;
  // One for each start: a sidecar that was late is stopped, and started again.
  let stopping = new AbortController();

  const lookOnce = (): Promise<void> =>
    (running ??= look().finally(() => {
      running = undefined;
      lookedAtMs = clock.monotonicMs();
    }));
  const isDue = (): boolean => lookedAtMs === undefined || clock.monotonicMs() - lookedAtMs >= intervalMs;

  const keepLooking = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await clock.sleep(intervalMs, signal).catch(() => undefined);
      if (!signal.aborted) await lookOnce();
    }
  };

  return Object.freeze({
    name: 'config-sync',
    start: async (context) => {
      const ending = new AbortController();
      stopping = ending;
      await prepare();
      await within(clock, waitMs, lookOnce);
      const signal = AbortSignal.any([context.signal, ending.signal]);
      if (options.looks === 'interval') loop = keepLooking(signal);
    },
    before: async () => {
      // Only the call that begins a look waits for it: the others have the last good one.
      if (options.looks === 'calls' && running === undefined && isDue()) await within(clock, waitMs, lookOnce);
    },
    stop: async () => {
      stopping.abort();
      await loop;
      await running;
    },
    sync: async () => {
      await lookOnce();
      return { ...state };
    },
    report: () => ({ ...state }),
  } satisfies ConfigSync);
};

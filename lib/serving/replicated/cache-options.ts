import { checkInteger, checkNames, checkNumber, checkText, refuse } from '#primitives/checks';
import { checkFunction, checkParts } from '#primitives/part-checks';
import type { CacheOptions, SharedLevelOptions } from './cache-types.ts';

const OPTIONS: readonly string[] = [
  'name',
  'load',
  'clock',
  'random',
  'shared',
  'softTtlMs',
  'hardTtlMs',
  'staleIfErrorMs',
  'negativeTtlMs',
  'jitter',
  'loadTimeoutMs',
  'errorPauseMs',
  'maxEntryCount',
  'maxBytes',
  'maxLoadCount',
  'onTrouble',
];
const SHARED_OPTIONS: readonly string[] = ['table', 'leaseMs', 'pollMs', 'maxClockSkewMs', 'timeoutMs', 'pauseMs'];
const MONTH_MS = 30 * 86_400_000;
const MAX_LOAD_MS = 600_000;
const MAX_LEASE_MS = 900_000;

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkCacheOptions = (options: CacheOptions<unknown>): void => {
  checkNames(options, OPTIONS);
  const { clock, random, load, onTrouble } = options;
  checkParts({ clock, random });
  checkFunction('load', load);
  if (onTrouble !== undefined) checkFunction('onTrouble', onTrouble);
  checkText('name', options.name, 1, 64);
  checkNumber('softTtlMs', options.softTtlMs, 1, MONTH_MS);
  checkNumber('hardTtlMs', options.hardTtlMs, options.softTtlMs, MONTH_MS);
  checkNumber('staleIfErrorMs', options.staleIfErrorMs, 0, MONTH_MS);
  checkNumber('negativeTtlMs', options.negativeTtlMs, 0, options.softTtlMs);
  checkNumber('jitter', options.jitter, 0, 0.5);
  checkNumber('loadTimeoutMs', options.loadTimeoutMs, 1, MAX_LOAD_MS);
  checkNumber('errorPauseMs', options.errorPauseMs, 0, MAX_LOAD_MS);
  checkInteger('maxEntryCount', options.maxEntryCount, 1, 10_000_000);
  if (options.maxBytes !== Infinity) checkInteger('maxBytes', options.maxBytes, 1, 2 ** 40);
  checkInteger('maxLoadCount', options.maxLoadCount, 1, 1_000_000);
  if (options.shared !== undefined) checkShared(options.shared, options);
};

const checkShared = (
  shared: SharedLevelOptions,
  { loadTimeoutMs, softTtlMs }: { readonly loadTimeoutMs: number; readonly softTtlMs: number },
): void => {
  const given: unknown = shared;
  if (typeof given !== 'object' || given === null) throw refuse('shared', 'an object', given);
  checkNames(shared, SHARED_OPTIONS);
  const { table, leaseMs, pollMs, maxClockSkewMs } = shared;
  checkParts({ table }, 'shared.');
  checkNumber('shared.leaseMs', leaseMs, 1, MAX_LEASE_MS);
  // Whoever still loads when its lease ends loads beside another one.
  if (leaseMs <= loadTimeoutMs) throw refuse('shared.leaseMs', `more than loadTimeoutMs (${loadTimeoutMs})`, leaseMs);
  checkNumber('shared.pollMs', pollMs, 1, 60_000);
  checkInteger('shared.timeoutMs', shared.timeoutMs, 1, 60_000);
  checkInteger('shared.pauseMs', shared.pauseMs, 100, 3_600_000);
  checkNumber('shared.maxClockSkewMs', maxClockSkewMs, 0, MONTH_MS);
  if (maxClockSkewMs >= softTtlMs)
    throw refuse('shared.maxClockSkewMs', `less than softTtlMs (${softTtlMs})`, maxClockSkewMs);
};

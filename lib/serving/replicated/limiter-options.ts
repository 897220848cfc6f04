import { checkInteger, checkNames, checkNumber, checkText, refuse } from '#primitives/checks';
import { checkParts } from '#primitives/part-checks';
import { checkQuota } from '#resilience/quota';
import type { ExactLimiterOptions, LeasedLimiterOptions } from './limiter-types.ts';

const EXACT: readonly string[] = [
  'table',
  'name',
  'clock',
  'random',
  'ratePerSecond',
  'burstCount',
  'maxClockSkewMs',
  'maxKeyCount',
  'maxWaitingCount',
];
const HOUR_MS = 3_600_000;

const check = (options: ExactLimiterOptions, names: readonly string[]): void => {
  checkNames(options, names);
  const { table, clock, random } = options;
  checkParts({ table, clock, random });
  checkText('name', options.name, 1, 64);
  checkQuota(options);
  checkNumber('maxClockSkewMs', options.maxClockSkewMs, 0, HOUR_MS);
  checkInteger('maxKeyCount', options.maxKeyCount, 1, 10_000_000);
  checkInteger('maxWaitingCount', options.maxWaitingCount, 1, 1_000_000);
};

/** What is left of the burst when what may be taken within `uncertainMs` is taken off. */
const usable = ({ ratePerSecond, burstCount }: ExactLimiterOptions, uncertainMs: number, names: string): number => {
  const left = burstCount - Math.ceil((ratePerSecond * uncertainMs) / 1000);
  if (left < 1) throw refuse('burstCount', `more than ratePerSecond × ${names}, ${burstCount - left}`, burstCount);
  return left;
};

/**
 * @returns What is left of the burst for the bucket itself.
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const checkExactOptions = (options: ExactLimiterOptions): number => {
  check(options, EXACT);
  return usable(options, options.maxClockSkewMs, 'maxClockSkewMs');
};

/**
 * The same for leases: whatever is let through in a window was leased in it, or at most a lease's life before.
 *
 * @returns What is left of the burst for the bucket itself.
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const checkLeasedOptions = (options: LeasedLimiterOptions): number => {
  check(options, [...EXACT, 'leaseMs']);
  checkNumber('leaseMs', options.leaseMs, 1, 600_000);
  return usable(options, options.maxClockSkewMs + options.leaseMs, '(maxClockSkewMs + leaseMs)');
};

/** @throws {@link InvalidArgumentError} when it is not 1..1024 bytes of text */
export const checkLimitedKey = (key: string): void => checkText('key', key, 1, 1_024);

/** @throws {@link InvalidArgumentError} when a key or a count can never be let through */
export const checkTake = (key: string, count: number, maxCount: number): void => {
  checkLimitedKey(key);
  checkInteger('count', count, 1, maxCount);
};

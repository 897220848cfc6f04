import { checkInteger, checkNumber, refuse } from '#primitives/checks';
import { hash32 } from '#primitives/hash';
import type { Random } from '#primitives/random';
import { checkName } from './registry.ts';
import type { HeaderValues } from './types.ts';

/** Who gets what, as somebody put it. */
export interface ExperimentPlan {
  /** 1 to 10 services with their shares; a share of 0 gets nothing. The sum of the weights is what a share is of. */
  readonly variants: readonly { readonly service: string; readonly weight: number }[];
  /** `header:NAME` or `cookie:NAME`: the same value always gets the same variant. Default: each request by chance. */
  readonly stickyBy?: string | undefined;
  /** A service that gets a copy of each request; nobody waits for what becomes of it. */
  readonly shadow?: string | undefined;
  /** A variant with a higher share of errors, after so many requests, gets no more. */
  readonly rollback?: { readonly errorRate: number; readonly minRequests: number } | undefined;
}

/** An experiment as it runs. */
export interface Experiment extends ExperimentPlan {
  readonly name: string;
  /** New with each put: counts and rollbacks belong to it. */
  readonly version: string;
  readonly rolledBack: readonly string[];
}

const MAX_VARIANTS = 10;
const MAX_WEIGHT = 1_000_000;
const STICKY = /^(header|cookie):([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})$/;

/** @throws {@link InvalidArgumentError} when something in it is out of its range, or two variants are one service */
export const checkPlan = (plan: ExperimentPlan): void => {
  const { variants, stickyBy, shadow, rollback } = plan;
  if (variants.length < 1 || variants.length > MAX_VARIANTS)
    throw refuse('variants', `1 to ${MAX_VARIANTS} variants`, variants);
  for (const [index, { service, weight }] of variants.entries()) {
    checkName(`variants.${index}.service`, service);
    checkNumber(`variants.${index}.weight`, weight, 0, MAX_WEIGHT);
  }
  if (new Set(variants.map(({ service }) => service)).size < variants.length)
    throw refuse('variants', 'different services', variants);
  if (variants.every(({ weight }) => weight === 0)) throw refuse('variants', 'of a weight above 0 in all', variants);
  if (stickyBy !== undefined && !STICKY.test(stickyBy))
    throw refuse('stickyBy', "'header:NAME' or 'cookie:NAME'", stickyBy);
  if (shadow !== undefined) checkName('shadow', shadow);
  if (rollback !== undefined) {
    checkNumber('rollback.errorRate', rollback.errorRate, 0, 1);
    checkInteger('rollback.minRequests', rollback.minRequests, 1, 1_000_000);
  }
};

const ownValues = (headers: HeaderValues, name: string): readonly string[] =>
  Object.hasOwn(headers, name) ? (headers[name] ?? []) : [];

const cookieOf = (headers: HeaderValues, name: string): string | undefined => {
  for (const pair of (headers['cookie'] ?? []).flatMap((line) => line.split(';'))) {
    const [key = '', ...value] = pair.split('=');
    if (key.trim() === name) return value.join('=').trim();
  }
  return undefined;
};

/** What the experiment knows the sender by; undefined when it does not, or he does not say. */
export const stickyOf = ({ stickyBy }: ExperimentPlan, headers: HeaderValues): string | undefined => {
  const [, kind, name = ''] = STICKY.exec(stickyBy ?? '') ?? [];
  if (kind === undefined) return undefined;
  const value = kind === 'cookie' ? cookieOf(headers, name) : ownValues(headers, name.toLowerCase())[0];
  return value === '' ? undefined : value;
};

/** The name that `stickyBy` names, whatever it names it in: for messages, which have neither headers nor cookies. */
export const stickyName = ({ stickyBy }: ExperimentPlan): string | undefined => STICKY.exec(stickyBy ?? '')?.[2];

/** The variants that still get something. */
export const activeVariants = ({ variants, rolledBack }: Experiment): ExperimentPlan['variants'] =>
  variants.filter(({ service, weight }) => weight > 0 && !rolledBack.includes(service));

/**
 * The variant of a sender: by the hash of what he is known by, so that all hosts and all restarts agree; of one who is
 * not known by chance.
 *
 * Weighted rendezvous hashing: each variant draws a number from the value, and the best one wins. A change of weights, or
 * a rollback, moves only those who must move. Two experiments draw apart: being in the variant of one says nothing
 * about the other.
 *
 * @see https://datatracker.ietf.org/doc/draft-ietf-bess-weighted-hrw/
 */
export const variantOf = (experiment: Experiment, sticky: string | undefined, random: Random): string => {
  const value = sticky?.toWellFormed() ?? random.uuid();
  let best = -1;
  let found = '';
  for (const { service, weight } of activeVariants(experiment)) {
    const hash = hash32(value, hash32(`${experiment.name}\n${service}`));
    // Never 0 and never 1, so that the logarithm is a number below 0.
    const score = weight / -Math.log((hash + 0.5) / 2 ** 32);
    if (score > best) {
      best = score;
      found = service;
    }
  }
  return found;
};

import { PatternError } from '#primitives/errors';
import type { Fields, Key } from '#primitives/table';

/** A shard of the cache: `table` is the index of the table that its records are in. */
export interface CacheShard {
  readonly name: string;
  readonly weight: number;
  readonly table: number;
}

/** A change of the members that is under way. */
export interface Plan {
  readonly id: string;
  readonly kind: 'add' | 'remove';
  readonly shard: CacheShard;
  /** The epoch in which it began: what moves is kept under it. */
  readonly epoch: number;
  readonly startedAtMs: number;
}

/** Who has which keys. There is one record of it; every change of it is a new epoch. */
export interface Membership {
  /** Rises by one when a plan begins, and by one when it ends. */
  readonly epoch: number;
  readonly slotBits: number;
  /** Without what `plan` adds, and with what it removes, until it ends. By name. */
  readonly shards: readonly CacheShard[];
  /** For each slot the epoch since which its shard has it: where its records are is never used twice. */
  readonly generations: readonly number[];
  readonly plan?: Plan;
  /** Ids of the plans that have ended, the latest last: their messages may come again. */
  readonly ended: readonly string[];
}

export const MEMBERSHIP_KEY: Key = Object.freeze({ partition: 'sharded', sort: 'membership' });
export const PROGRESS_KEY: Key = Object.freeze({ partition: 'sharded', sort: 'progress' });
/** Far more than messages that come again after others have been handled. */
const MAX_ENDED = 64;

/** Written as `value*count`, since most neighbours are alike at first: a number for each slot would be 16 KiB. */
const encodeGenerations = (generations: readonly number[]): string => {
  const runs: { value: number; count: number }[] = [];
  for (const value of generations) {
    const last = runs.at(-1);
    if (last?.value === value) last.count += 1;
    else runs.push({ value, count: 1 });
  }
  return runs
    .map(({ value, count }) => (count === 1 ? value.toString(36) : `${value.toString(36)}*${count.toString(36)}`))
    .join(' ');
};

const decodeGenerations = (text: string): readonly number[] =>
  text.split(' ').flatMap((run) => {
    const [value = '', count = '1'] = run.split('*');
    return Array.from({ length: Number.parseInt(count, 36) }, () => Number.parseInt(value, 36));
  });

const shardFields = ({ name, weight, table }: CacheShard) => ({ name, weight, table });

export const membershipFields = ({ epoch, slotBits, shards, generations, plan, ended }: Membership): Fields => ({
  epoch,
  slotBits,
  shards: shards.map(shardFields),
  generations: encodeGenerations(generations),
  ended: ended.slice(-MAX_ENDED),
  ...(plan === undefined ? {} : { plan: { ...plan, shard: shardFields(plan.shard) } }),
});

/** What only this library writes is not checked field by field; what is not there at all is found out. */
export const readMembership = (fields: Fields): Membership => {
  const { generations, ...rest } = fields;
  if (typeof generations !== 'string' || typeof rest['epoch'] !== 'number')
    throw new PatternError('sharded/membership', 'The record of the members cannot be read');
  return Object.freeze({ ...(rest as object as Membership), generations: decodeGenerations(generations) });
};

/** The members when the plan has ended; without a plan, those of now. */
export const shardsAfter = ({ shards, plan }: Membership): readonly CacheShard[] => {
  if (plan === undefined) return shards;
  const others = shards.filter(({ name }) => name !== plan.shard.name);
  return plan.kind === 'add' ? [...others, plan.shard] : others;
};

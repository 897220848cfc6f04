import { checkInteger, checkNames } from '#primitives/checks';
import { InvalidArgumentError } from '#primitives/errors';
import { checkPart, checkParts } from '#primitives/part-checks';
import type { Json } from '#primitives/table';
import { arrivals } from './arrive.ts';
import { checkBranch, checkName, checkPartBranches, checkPlan, dataFault } from './checks.ts';
import { createJoin } from './create.ts';
import { addPart, type PartOutcome } from './parts.ts';
import { closeJoin } from './settle.ts';
import { joinStore, type JoinOptions, type JoinStore } from './store.ts';
import type { ArrivalOutcome, ArrivalPage, JoinPlan, JoinView } from './types.ts';
import { listArrivals, viewJoin } from './view.ts';

const TEN_YEARS_MS = 315_360_000_000;
/** What {@link JoinOptions} is made of. */
export const JOIN_OPTIONS = ['table', 'effects', 'bus', 'queue', 'clock', 'random', 'log', 'keepMs', 'watch'];

/**
 * The barrier of the book: many branches, one thing that happens when all of them are through. Ids of joins and parts are
 * 1..64 of A-Z a-z 0-9 _ -; branches 1..256 bytes of UTF-8, NFC, without NUL, not `.` or `..`. What is given otherwise is
 * refused with an {@link InvalidArgumentError} before anything is written.
 */
export interface Joins {
  /** Makes a join. The same id and plan again is the same join; `another` when the id has another plan. */
  create(joinId: string, plan: JoinPlan): Promise<'made' | 'another'>;
  /** Adds branches to an open join; accepted is durable. The same `partId` again is the same part. */
  add(joinId: string, partId: string, branches: readonly string[]): Promise<PartOutcome>;
  /** Takes no more branches. A join whose branches have all arrived fires now; one without branches as well. */
  close(joinId: string): Promise<'closed' | 'unknown'>;
  /** A branch has arrived. Any number of times, in any order, from anywhere. */
  arrive(joinId: string, branch: string, data?: Json): Promise<ArrivalOutcome>;
  view(joinId: string): Promise<JoinView | undefined>;
  /** What branches brought along, a hundred at a time. Undefined for a cursor that no page has given. */
  arrivals(joinId: string, cursor?: string): Promise<ArrivalPage | undefined>;
}

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkJoinOptions = (options: JoinOptions): void => {
  checkNames(options, JOIN_OPTIONS);
  checkInteger('keepMs', options.keepMs, 1, TEN_YEARS_MS);
  checkNames(options.watch, ['firstMs', 'limitMs']);
  checkInteger('watch.firstMs', options.watch.firstMs, 1_000, 900_000);
  checkInteger('watch.limitMs', options.watch.limitMs, options.watch.firstMs, 900_000);
  const { table, bus, queue, clock, random, log } = options;
  checkParts({ table, bus, queue, clock, random, log });
  checkPart('effects', 'table', options.effects);
};

export const joinsOn = (store: JoinStore): Joins => {
  const arrive = arrivals(store);
  return Object.freeze<Joins>({
    create: async (joinId, plan) => {
      checkName('joinId', joinId);
      checkPlan(plan);
      return createJoin(store, joinId, plan);
    },
    add: async (joinId, partId, branches) => {
      checkName('joinId', joinId);
      checkName('partId', partId);
      checkPartBranches(branches);
      return addPart(store, joinId, partId, branches);
    },
    close: (joinId) => closeJoin(store, joinId),
    arrive: async (joinId, branch, data) => {
      checkName('joinId', joinId);
      checkBranch(branch);
      const fault = data === undefined ? undefined : dataFault(data);
      if (fault !== undefined) throw new InvalidArgumentError(fault);
      return arrive(joinId, branch, data);
    },
    view: (joinId) => viewJoin(store, joinId),
    arrivals: (joinId, cursor) => listArrivals(store, joinId, cursor),
  });
};

/**
 * Joins (barriers): each fires exactly once, when all of its named branches have arrived, never before, whatever comes
 * twice, late, out of order, or crashes; or at its deadline, by its policy. Firing is one transaction of the join's state
 * and an effect `join:<id>`; the event on the bus follows, at least once, with the same id each time.
 *
 * Somebody must read the queue: {@link joinConsumer}. It does what crashes have left, and keeps the deadlines.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 13
 */
export const joins = (options: JoinOptions): Joins => {
  checkJoinOptions(options);
  return joinsOn(joinStore(options));
};

import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Json } from '#primitives/table';
import { arrivals } from './arrive.ts';
import { createJoin } from './create.ts';
import { addPart, type PartOutcome } from './parts.ts';
import { closeJoin } from './settle.ts';
import { joinStore, type JoinOptions, type JoinStore } from './store.ts';
import { MAX_DEADLINE_MS, type ArrivalOutcome, type ArrivalPage, type JoinPlan, type JoinView } from './types.ts';
import { listArrivals, viewJoin } from './view.ts';

const TEN_YEARS_MS = 315_360_000_000;
const MAX_BRANCH_BYTES = 256;
const NAMES = ['table', 'effects', 'bus', 'queue', 'clock', 'random', 'log', 'keepMs', 'watch'];

/** The barrier of the book: many branches, one thing that happens when all of them are through. */
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
  /** What branches brought along, a hundred at a time. */
  arrivals(joinId: string, cursor?: string): Promise<ArrivalPage>;
}

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkJoinOptions = (options: JoinOptions): void => {
  checkNames(options, NAMES);
  checkInteger('keepMs', options.keepMs, 1, TEN_YEARS_MS);
  checkNames(options.watch, ['firstMs', 'limitMs']);
  checkInteger('watch.firstMs', options.watch.firstMs, 1_000, 900_000);
  checkInteger('watch.limitMs', options.watch.limitMs, options.watch.firstMs, 900_000);
};

const checkPlan = (joinId: string, { branches = [], deadlineMs }: JoinPlan): void => {
  checkText('joinId', joinId, 1, 64);
  for (const branch of branches) checkText('branch', branch, 1, MAX_BRANCH_BYTES);
  if (deadlineMs !== undefined) checkInteger('deadlineMs', deadlineMs, 1, MAX_DEADLINE_MS);
};

export const joinsOn = (store: JoinStore): Joins => {
  const arrive = arrivals(store);
  return Object.freeze<Joins>({
    create: async (joinId, plan) => {
      checkPlan(joinId, plan);
      return createJoin(store, joinId, plan);
    },
    add: (joinId, partId, branches) => addPart(store, joinId, partId, branches),
    close: (joinId) => closeJoin(store, joinId),
    arrive,
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

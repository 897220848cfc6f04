import { checkInteger, checkNames } from '#primitives/checks';
import { checkFunction, checkParts } from '#primitives/part-checks';
import { checkName } from '../join/checks.ts';
import { checkItems, checkPlan, checkSendable } from './checks.ts';
import { acceptPart, closeInput, ensureHead, type PartOutcome } from './input.ts';
import { reducerOf } from './kinds.ts';
import { nodeKey, type Head } from './records.ts';
import type { ReductionItem } from './reducer.ts';
import { unpackPartial } from './states.ts';
import { reductionStore, type ReductionOptions, type ReductionStore } from './store.ts';
import type { ReductionPlan, ReductionView } from './types.ts';

const TEN_YEARS_MS = 315_360_000_000;
/** What {@link ReductionOptions} is made of. */
export const REDUCTION_OPTIONS = ['table', 'queue', 'bucketOf', 'clock', 'random', 'log', 'keepMs'];

/**
 * What a client of reductions calls. Ids of reductions and parts are 1..64 of A-Z a-z 0-9 _ -. What is given otherwise is
 * refused with an {@link InvalidArgumentError} before anything is written, and so is what no message of 1 MiB holds.
 */
export interface Reductions {
  /** Accepts a reduction: when it returns, it will be done, whatever crashes. The same id and plan is the same one. */
  create(id: string, plan: ReductionPlan): Promise<'accepted' | 'another'>;
  /** Adds items to an open reduction; accepted is durable. The same `partId` again is the same part. */
  add(id: string, partId: string, items: readonly ReductionItem[]): Promise<'accepted' | Exclude<PartOutcome, object>>;
  close(id: string): Promise<'closed' | 'unknown' | 'not-open'>;
  view(id: string): Promise<ReductionView | undefined>;
  /** What kind of reduction it is, to check items by. */
  head(id: string): Promise<Head | undefined>;
}

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const checkReductionOptions = (options: ReductionOptions): void => {
  checkNames(options, REDUCTION_OPTIONS);
  checkInteger('keepMs', options.keepMs, 1, TEN_YEARS_MS);
  const { table, queue, clock, random, log } = options;
  checkParts({ table, queue, clock, random, log });
  checkFunction('bucketOf', options.bucketOf);
};

const resultOf = async (store: ReductionStore, id: string, head: Head): Promise<Partial<ReductionView>> => {
  const reducer = reducerOf(head.kind, head.bounds);
  const fields = head.root === undefined ? undefined : await store.get(nodeKey(id, head.root));
  const state = fields === undefined ? reducer.empty : reducer.read((await unpackPartial(store, id, fields)).state);
  return { items: head.items, result: reducer.result(state) };
};

/**
 * Reductions: many items become one result by a tree of functions. Leaves reduce parts of the input, nodes merge results
 * of `fanIn` others, and what comes out is what a fold from left to right over the distinct items gives, however often
 * and in which order they came.
 *
 * Somebody must read the queue: {@link reductionConsumer}.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 13
 */
export const reductions = (options: ReductionOptions): Reductions => {
  checkReductionOptions(options);
  const store = reductionStore(options);
  return Object.freeze<Reductions>({
    create: async (id, plan) => {
      checkName('reductionId', id);
      checkPlan(plan);
      const message = { reductionId: id, ...plan };
      checkSendable('plan', plan, message);
      const { isAnother } = await ensureHead(store, id, plan);
      if (isAnother) return 'another';
      // An open reduction has nothing to do yet.
      if (plan.open !== true) await store.send(message);
      return 'accepted';
    },
    add: async (id, partId, items) => {
      checkName('reductionId', id);
      checkName('partId', partId);
      const head = await store.head(id);
      if (head !== undefined) checkItems(items, head.kind, head.bounds);
      const message = { reductionId: id, part: partId, items };
      checkSendable('items', items, message);
      // Sent first, taken then: a crash between the two leaves a part that nobody was promised. The other way round the
      // reduction would wait for items that nobody has.
      if (head?.input === 'open') await store.send(message);
      const outcome = await acceptPart(store, id, partId);
      return typeof outcome === 'string' ? outcome : 'accepted';
    },
    close: (id) => closeInput(store, id),
    view: async (id) => {
      const head = await store.head(id);
      if (head === undefined) return undefined;
      const { kind, parts, reason } = head;
      const status = head.status === 'running' && head.input === 'open' ? 'open' : head.status;
      return {
        kind,
        status,
        parts,
        ...(head.status === 'done' ? await resultOf(store, id, head) : {}),
        ...(reason === undefined ? {} : { reason }),
      };
    },
    head: (id) => store.head(id),
  });
};

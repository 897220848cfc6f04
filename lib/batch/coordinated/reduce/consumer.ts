import { checkInteger, checkNames } from '#primitives/checks';
import { InvalidArgumentError, PatternError } from '#primitives/errors';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { traceField } from '../../work-queue/logged.ts';
import { parseMessage } from '../../message.ts';
import { sendAll } from '../../work-queue/send.ts';
import { PermanentFailure } from '../../work-queue/types.ts';
import { undeliverable } from '../../work-queue/undeliverable.ts';
import { climb, mergeNode, putNode } from './climb.ts';
import { acceptPart, closeInput, ensureHead, failReduction } from './input.ts';
import { reducerOf, type AnyReducer } from './kinds.ts';
import { reducePart } from './leaves.ts';
import { reductionMessage, type ReductionMessage } from './messages.ts';
import { nodeKey, type Head } from './records.ts';
import { entryOf, type Entry, type ReductionItem } from './reducer.ts';
import { checkReductionOptions, REDUCTION_OPTIONS } from './reductions.ts';
import { keysOf, listPages, readObjects } from './source.ts';
import { TooLargeError } from './states.ts';
import { reductionStore, type ReductionOptions, type ReductionStore } from './store.ts';

type Refusal = string | undefined;

const MAX_RECEIVES = 1_000;
type New = Extract<ReductionMessage, { readonly kind: unknown }>;
type Part = Exclude<Extract<ReductionMessage, { readonly items: unknown }>, New>;

/** A part may come before what makes its reduction. */
class TooEarlyError extends PatternError {
  constructor(id: string) {
    super('coordinated/too-early', `there is no reduction '${id}'`, { retryable: true });
  }
}

const faultIn = (head: Head, items: readonly ReductionItem[]): Refusal => {
  const reducer = reducerOf(head.kind, head.bounds);
  for (const [at, item] of items.entries()) {
    const fault = reducer.fault(item);
    if (fault !== undefined) return `items.${at}: ${fault}`;
  }
  return undefined;
};

/** A part of the input: its node, and upwards from there. */
const reduceAt = async (
  store: ReductionStore,
  id: string,
  head: Head,
  number: number,
  entriesOf: (reducer: AnyReducer) => Promise<readonly Entry[]>,
): Promise<void> => {
  if (head.status !== 'running') return;
  const place = { level: 0, index: number };
  const known = await store.get(nodeKey(id, place));
  const { expiresAtMs } = head;
  if (known !== undefined) return climb(store, id, place, typeof known.items === 'number' ? known.items : 0);
  const reducer = reducerOf(head.kind, head.bounds);
  const partial = await reducePart(await entriesOf(reducer), { store, id, reducer, part: number, expiresAtMs });
  await putNode(store, id, place, partial, expiresAtMs);
  await climb(store, id, place, partial.items);
};

const entriesFrom =
  (items: readonly ReductionItem[]) =>
  async (reducer: AnyReducer): Promise<readonly Entry[]> =>
    items.map((item) => entryOf(reducer, item));

const begin = async (store: ReductionStore, body: New, messageId: string): Promise<Refusal> => {
  // A message's id stays the same when it comes again, and so does the reduction that it begins.
  const { reductionId: id = messageId, ...plan } = body;
  if (plan.buckets !== undefined && plan.kind !== 'histogram')
    return 'invalid message: buckets: Expected none, but for a histogram';
  const { head, isAnother } = await ensureHead(store, id, plan);
  if (isAnother) return `there is another reduction '${id}'`;
  if ('items' in plan) {
    const fault = faultIn(head, plan.items);
    if (fault !== undefined) {
      await failReduction(store, id, fault);
      return fault;
    }
    await reduceAt(store, id, head, 0, entriesFrom(plan.items));
  } else if ('source' in plan && head.status === 'running') {
    return listPages(store, id, head, 0);
  }
  return undefined;
};

const takePart = async (store: ReductionStore, body: Part, messageId: string): Promise<Refusal> => {
  const { reductionId: id, part = messageId, items } = body;
  const head = await store.head(id);
  if (head === undefined) throw new TooEarlyError(id);
  const fault = faultIn(head, items);
  if (fault !== undefined) return fault;
  const outcome = await acceptPart(store, id, part);
  if (typeof outcome === 'string') return `reduction '${id}' takes no items: ${outcome}`;
  await reduceAt(store, id, head, outcome.number, entriesFrom(items));
  return undefined;
};

const handle = async (store: ReductionStore, body: ReductionMessage, messageId: string): Promise<Refusal> => {
  if ('kind' in body) return begin(store, body, messageId);
  if ('items' in body) return takePart(store, body, messageId);
  const { reductionId: id } = body;
  if ('merge' in body) return mergeNode(store, id, body.merge);
  if ('close' in body) {
    const outcome = await closeInput(store, id);
    if (outcome === 'unknown') throw new TooEarlyError(id);
    return outcome === 'not-open' ? `reduction '${id}' was never open` : undefined;
  }
  const head = await store.head(id);
  if (head === undefined) throw new TooEarlyError(id);
  if (head.status !== 'running') return undefined;
  if (head.bucket === '') return `reduction '${id}' has no source`;
  if ('page' in body) return listPages(store, id, head, body.page);
  const keys = await keysOf(store, id, body.number);
  if (keys === undefined) return `reduction '${id}' has listed no page ${body.number}`;
  await reduceAt(store, id, head, body.number, () => readObjects(store, head, keys));
  return undefined;
};

/** What another attempt would not change. */
const isForGood = (error: unknown): error is PatternError =>
  error instanceof PermanentFailure || error instanceof TooLargeError || error instanceof InvalidArgumentError;

/**
 * Handles a message of the queue of reductions. Rejects when it could not: the message has to come again. What cannot be
 * read goes to the dead letters, with the attributes `reason` and `attempts`; what cannot be reduced, or was received
 * more than `maxReceiveCount` times, too, and its reduction has failed.
 *
 * API calls of n items in parts of k: `n/k × (13 + k/99)`, and 8 for each merge, of which there are `n/k/(fanIn − 1)`.
 * Of a source each page of 99 objects is a part: 12, and 1 for each object.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const reductionConsumer = (
  options: ReductionOptions & {
    readonly deadLetters: Queue;
    /** How often a message about a reduction that is not there may come. */
    readonly patience: number;
    readonly maxReceiveCount: number;
  },
) => {
  checkNames(options, [...REDUCTION_OPTIONS, 'deadLetters', 'patience', 'maxReceiveCount']);
  const { deadLetters, patience, maxReceiveCount, ...rest } = options;
  checkReductionOptions(rest);
  checkInteger('patience', patience, 1, MAX_RECEIVES);
  checkInteger('maxReceiveCount', maxReceiveCount, 1, MAX_RECEIVES);
  const store = reductionStore(rest);

  const attempt = async (message: ReceivedMessage, body: ReductionMessage): Promise<Refusal> => {
    const giveUp = async (reason: string): Promise<Refusal> => {
      await failReduction(store, body.reductionId ?? message.id, reason);
      return reason;
    };
    if (message.receiveCount > maxReceiveCount)
      return giveUp(`a message was received ${maxReceiveCount} times without an answer`);
    try {
      return await handle(store, body, message.id);
    } catch (error) {
      if (isForGood(error)) return giveUp(error.message);
      if (error instanceof TooEarlyError && message.receiveCount >= patience) return error.message;
      throw error;
    }
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseMessage(reductionMessage, message.body);
    const refusal = parsed.ok ? await attempt(message, parsed.value) : parsed.reason;
    if (refusal === undefined) return;
    store.log.warn('reduction message refused', { message: message.id, reason: refusal, ...traceField(message) });
    const letter = undeliverable(message, { reason: refusal, attempts: message.receiveCount });
    await sendAll(deadLetters, [letter], store.pause);
  };
};

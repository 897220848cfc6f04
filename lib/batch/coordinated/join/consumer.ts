import { checkInteger, checkNames } from '#primitives/checks';
import { InvalidArgumentError, PatternError } from '#primitives/errors';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import { parseMessage } from '../../message.ts';
import { traceField } from '../../work-queue/logged.ts';
import { sendAll } from '../../work-queue/send.ts';
import { undeliverable } from '../../work-queue/undeliverable.ts';
import { checkJoinOptions, JOIN_OPTIONS, joinsOn, type Joins } from './join.ts';
import { joinMessage, type JoinMessage } from './messages.ts';
import { joinStore, type JoinOptions, type JoinStore } from './store.ts';
import { watchJoin } from './watch.ts';

/** A message that is about a join that is not there: the one that makes it may still be on its way. */
class TooEarlyError extends PatternError {
  constructor(reason: string) {
    super('coordinated/too-early', reason, { retryable: true });
  }
}

type Refusal = string | undefined;

const MAX_PATIENCE = 1_000;

const arrive = async (joins: Joins, message: Extract<JoinMessage, { readonly branch: string }>): Promise<Refusal> => {
  const outcome = await joins.arrive(message.joinId, message.branch, message.data);
  if (outcome === 'unknown-join') return `there is no join '${message.joinId}'`;
  return outcome === 'unknown-branch' ? `join '${message.joinId}' does not wait for this branch` : undefined;
};

const handle = async (
  store: JoinStore,
  joins: Joins,
  body: JoinMessage,
  { id, sentAtMs }: ReceivedMessage,
): Promise<{ readonly refusal: Refusal; readonly mayChange?: boolean }> => {
  if ('watch' in body) {
    return { refusal: await watchJoin(store, body.joinId, body.watch, sentAtMs) };
  }
  if ('branch' in body) return { refusal: await arrive(joins, body), mayChange: true };
  if ('close' in body) {
    const outcome = await joins.close(body.joinId);
    return { refusal: outcome === 'unknown' ? `there is no join '${body.joinId}'` : undefined, mayChange: true };
  }
  if ('items' in body) {
    const outcome = await joins.add(body.joinId, body.part ?? id, body.items);
    if (outcome === 'accepted') return { refusal: undefined };
    return { refusal: `join '${body.joinId}' takes no branches: ${outcome}`, mayChange: outcome === 'unknown' };
  }
  // A message's id stays the same when it comes again, and so does the join that it makes.
  const { joinId = id, ...plan } = body;
  const outcome = await joins.create(joinId, plan);
  return { refusal: outcome === 'another' ? `there is another join '${joinId}'` : undefined };
};

type Handled = Awaited<ReturnType<typeof handle>>;

/** What is refused as an argument is refused however often it comes. A watch has none; it goes on, to the deadline. */
const unlessInvalid = async (body: JoinMessage, handled: Promise<Handled>): Promise<Handled> => {
  try {
    return await handled;
  } catch (error) {
    if ('watch' in body || !(error instanceof InvalidArgumentError)) throw error;
    return { refusal: error.message };
  }
};

/**
 * Handles a message of the queue of joins: what HTTP can do a message can do too, and the joins' own. Rejects when it
 * could not: the message has to come again. Queues keep no order, so what is about a join or branch that is not there
 * comes again as well, until it has been received `patience` times. What can't be used goes to the dead letters, with
 * the attributes `reason` and `attempts`.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const joinConsumer = (options: JoinOptions & { readonly deadLetters: Queue; readonly patience: number }) => {
  checkNames(options, [...JOIN_OPTIONS, 'deadLetters', 'patience']);
  const { deadLetters, patience, ...rest } = options;
  checkJoinOptions(rest);
  checkInteger('patience', patience, 1, MAX_PATIENCE);
  const store = joinStore(rest);
  const api = joinsOn(store);
  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseMessage(joinMessage, message.body);
    const { refusal, mayChange = false } = parsed.ok
      ? await unlessInvalid(parsed.value, handle(store, api, parsed.value, message))
      : { refusal: parsed.reason };
    if (refusal === undefined) return;
    if (mayChange && message.receiveCount < patience) throw new TooEarlyError(refusal);
    store.log.warn('join message refused', { message: message.id, reason: refusal, ...traceField(message) });
    const letter = undeliverable(message, { reason: refusal, attempts: message.receiveCount });
    await sendAll(deadLetters, [letter], store.pause);
  };
};

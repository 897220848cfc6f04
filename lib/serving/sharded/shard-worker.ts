import * as v from 'valibot';
import { checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { pauseOf, persist } from './limits.ts';
import type { Resharding, ShardChange } from './resharding.ts';
import { MAX_WEIGHT, MIN_WEIGHT } from './shard.ts';

/** The name of a shard of the cache: it is part of keys, and of a header. */
export const shardName = v.pipe(
  v.string(),
  v.regex(
    /^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$/,
    'Expected 1 to 64 of a-z 0-9 -, neither beginning nor ending with -.',
  ),
);
export const shardWeight = v.pipe(v.number(), v.minValue(MIN_WEIGHT), v.maxValue(MAX_WEIGHT));

/** The body of `POST /sharded/shards`, and what only a message says. */
const messageSchema = v.strictObject({
  name: shardName,
  weight: v.optional(shardWeight),
  kind: v.optional(v.picklist(['add', 'remove'], "Expected 'add' or 'remove'."), 'add'),
  /** Of the request: by it a repeat is known. Default: the message's own. */
  id: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(256))),
});

const REASON_LENGTH = 500;
/** A dead letter is a message like others, with a reason beside it. */
const BODY_LENGTH = 100_000;

type Parsed = { readonly id: string; readonly change: ShardChange } | { readonly reason: string };

const parse = ({ id: messageId, body }: ReceivedMessage): Parsed => {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    return { reason: 'The body is not JSON.' };
  }
  const result = v.safeParse(messageSchema, given);
  if (!result.success) {
    const [{ path, message }] = result.issues;
    return { reason: `${path?.map(({ key }) => String(key)).join('.') ?? 'body'}: ${message}` };
  }
  const { name, kind, weight, id = messageId } = result.output;
  if (kind === 'remove') return { id, change: { kind, name } };
  return { id, change: { kind, name, ...(weight === undefined ? {} : { weight }) } };
};

/** The message that asks for a change: `id` names the request, however often it is sent. */
export const changeMessage = (id: string, change: ShardChange): OutgoingMessage => ({
  body: JSON.stringify({ ...change, id }),
});

const deadLetter = ({ body }: ReceivedMessage, reason: string): OutgoingMessage => ({
  body: body.slice(0, BODY_LENGTH).toWellFormed(),
  // Printable ASCII: SQS refuses the control characters of an attribute.
  attributes: { reason: reason.replaceAll(/[^\u0020-\u007e]/g, '?').slice(0, REASON_LENGTH) },
});

export interface ShardWorkerOptions {
  readonly shards: Resharding;
  /** The queue that the messages come from: a long plan goes on with another message to it. */
  readonly changes: Queue;
  /** Where changes go that cannot be made, with the attribute `reason`. */
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Makes the change that a message asks for: first it ends the one that is under way, then it begins and ends its own. One
 * that cannot be made is a dead letter.
 *
 * Crash points: the message comes again, and what it asks for is found begun, or done. Messages may repeat, overlap and
 * come in any order; a change that was made once is not made again when its message comes late (the last 64 are known).
 */
export const shardWorker = (options: ShardWorkerOptions) => {
  checkNames(options, ['shards', 'changes', 'deadLetters', 'clock', 'random', 'log']);
  const { shards, changes, deadLetters, clock, log } = options;
  const pause = pauseOf(options);
  const send = (queue: Queue, message: OutgoingMessage): Promise<true> =>
    persist(`send to ${queue.name}`, pause, async () => {
      const [outcome] = await queue.sendBatch([message]);
      return outcome?.ok === true ? true : undefined;
    });

  /** @param timeMs After about so long the rest is left to another message. At most half of what the platform allows. */
  return async (message: ReceivedMessage, timeMs: number): Promise<void> => {
    const parsed = parse(message);
    if ('reason' in parsed) {
      await send(deadLetters, deadLetter(message, parsed.reason));
      return;
    }
    const { id, change } = parsed;
    const endsAtMs = clock.monotonicMs() + timeMs;
    for (;;) {
      const outcome = await shards.begin(id, change);
      log.info('resharding', { id, change: change.kind, shard: change.name, outcome: outcome.status });
      if (outcome.status === 'refused') await send(deadLetters, deadLetter(message, outcome.reason));
      if (outcome.status === 'refused' || outcome.status === 'done') return;
      const leftMs = Math.max(0, endsAtMs - clock.monotonicMs());
      if ((await shards.drive(leftMs)) === 'idle') continue;
      await send(changes, changeMessage(id, change));
      return;
    }
  };
};

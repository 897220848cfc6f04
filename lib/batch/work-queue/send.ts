import { UnavailableError } from '#primitives/errors';
import type { EntryOutcome, OutgoingMessage, Queue } from '#primitives/queue';
import { queueText } from '#primitives/queue-text';
import { PermanentFailure } from './types.ts';
import { MAX_TRIES, type Pause } from '../pause.ts';

/**
 * Makes a batch call for all entries, and again for those that were not taken, and tells of each, in order, what became
 * of it. An entry may be taken twice.
 */
export const persistently = async <T>(
  call: (entries: readonly T[]) => Promise<readonly EntryOutcome[]>,
  entries: readonly T[],
  pause: Pause,
): Promise<readonly EntryOutcome[]> => {
  const outcomes: EntryOutcome[] = [];
  let rest = entries.map((entry, index) => ({ entry, index }));
  for (let tries = 1; rest.length > 0 && tries <= MAX_TRIES; tries += 1) {
    const answers = await call(rest.map(({ entry }) => entry));
    rest = rest.filter(({ index }, position) => {
      const answer = answers[position] ?? { ok: false, reason: 'no answer', retryable: true };
      outcomes[index] = answer;
      return !answer.ok && answer.retryable;
    });
    if (rest.length > 0 && tries < MAX_TRIES) await pause(tries);
  }
  return outcomes;
};

/**
 * Sends all messages, those again that were not taken, and tells of each, in order, what became of it. A message may
 * arrive twice. Bodies are JSON, or came out of a queue.
 */
export const sendPersistently = (
  queue: Queue,
  messages: readonly OutgoingMessage[],
  pause: Pause,
): Promise<readonly EntryOutcome[]> => {
  const sendable = messages.map((message) => ({ ...message, body: queueText(message.body) }));
  return persistently((entries) => queue.sendBatch(entries), sendable, pause);
};

/**
 * @throws {@link UnavailableError} when one or more messages were not taken
 * @throws {@link PermanentFailure} when one of them is at fault itself, so that no other attempt would send it
 */
export const sendAll = async (queue: Queue, messages: readonly OutgoingMessage[], pause: Pause): Promise<void> => {
  const outcomes = await sendPersistently(queue, messages, pause);
  const refused = outcomes.filter((outcome) => !outcome.ok);
  const [first] = refused;
  const atFault = refused.find(({ retryable }) => !retryable);
  if (atFault !== undefined) throw new PermanentFailure(`${queue.name} does not take a message: ${atFault.reason}`);
  if (first !== undefined)
    throw new UnavailableError(`${queue.name}: ${refused.length} messages not sent (${first.reason})`);
};

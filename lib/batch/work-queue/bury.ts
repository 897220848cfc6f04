import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { absent, type Fields, type Table, type Write } from '#primitives/table';
import { itemMessage, parseMessage, type ItemMessage } from './messages.ts';
import { jitteredPause, persist } from './pause.ts';
import { buriedKey, deadLetterKey, effectKey, effectKeyOf } from './records.ts';
import { sendAll } from './send.ts';
import { verdictOf, withAttributes, type Verdict } from './undeliverable.ts';

export interface BuryOptions {
  readonly jobs: Table;
  readonly effects: Table;
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Of the queue of items: what SQS had counted when it moved a message by itself. */
  readonly maxReceiveCount: number;
  readonly keepMs: number;
}

/** What is buried: an item, or a message in which none could be read. */
interface Burial {
  readonly jobId: string | undefined;
  readonly id: string;
  readonly item: ItemMessage | undefined;
  readonly verdict: Verdict;
}

/**
 * Ends what cannot be delivered: the item is marked and counted as failed, and its message goes to the dead letters,
 * with the attributes `reason`, `attempts` and `jobId`. Rejects when it could not: the message has to come again.
 *
 * Marker, count and an entry in the list of dead letters are one transaction; then the message is sent, then the entry
 * says so. A crash before the send: the next delivery finds the entry without the note and sends. A crash between the
 * send and the note: a second dead letter (at least once). An item that was done after all is left in peace.
 *
 * API calls for a message without faults: 3 (transaction, send, note).
 */
export const bury = (options: BuryOptions) => {
  const { jobs, effects, clock, log, keepMs, maxReceiveCount } = options;
  const pause = jitteredPause(options);

  const burialOf = (message: ReceivedMessage): Burial => {
    const verdict = verdictOf(message, {
      reason: `received ${maxReceiveCount} times without an answer: the worker crashed or timed out`,
      attempts: maxReceiveCount,
    });
    const parsed = parseMessage(itemMessage, message.body);
    if (parsed.ok) return { jobId: parsed.value.jobId, id: parsed.value.id, item: parsed.value, verdict };
    const id = `unreadable/${message.attributes.origin ?? message.id}`;
    return { jobId: undefined, id, item: undefined, verdict };
  };

  const writesOf = ({ jobId, id, item, verdict }: Burial): readonly (Write & { readonly table?: Table })[] => {
    const atMs = clock.nowMs();
    const put = (key: Write['key'], fields: Fields, table?: Table) => ({
      kind: 'put' as const,
      key,
      fields,
      condition: absent(),
      expiresAtMs: atMs + keepMs,
      ...(table === undefined ? {} : { table }),
    });
    const about: Fields = {
      ...verdict,
      atMs,
      ...(jobId === undefined ? {} : { jobId }),
      ...(item === undefined ? {} : { id, worker: item.worker }),
    };
    return [
      put(deadLetterKey(jobId, id), { ...about, sent: false }),
      // What could not be read has no item to mark.
      ...(item === undefined ? [] : [put(effectKey(jobId, id), { ...about, status: 'failed' }, effects)]),
      ...(jobId === undefined ? [] : [put(buriedKey(jobId, id), { ok: 0, bad: 1, ids: [id] })]),
    ];
  };

  /** False when the message was dealt with before, or its item was done. */
  const isToSend = async (burial: Burial): Promise<boolean> => {
    const item = effectKeyOf(burial.jobId, burial.id);
    const outcome = await persist('bury', pause, async () => {
      const answer = await jobs.transact(writesOf(burial));
      return answer.status === 'conflict' ? undefined : answer;
    });
    if (outcome.status === 'written') return true;
    if (outcome.refusals.some((refusal) => refusal?.current?.status === 'done')) {
      log.info('undeliverable message dropped: its item was done', { item });
      return false;
    }
    const key = deadLetterKey(burial.jobId, burial.id);
    const entry = await persist('read dead letter', pause, async () => ({ fields: await jobs.get(key) }));
    return entry.fields?.sent !== true;
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const burial = burialOf(message);
    if (!(await isToSend(burial))) return;
    const { reason, attempts } = burial.verdict;
    const jobId = burial.jobId === undefined ? {} : { jobId: burial.jobId };
    const letter = withAttributes(message, { reason, attempts: String(attempts), ...jobId });
    await sendAll(options.deadLetters, [letter], pause);
    await persist('note dead letter', pause, () =>
      jobs.update({ key: deadLetterKey(burial.jobId, burial.id), set: { sent: true } }),
    );
    log.warn('item buried', { item: effectKeyOf(burial.jobId, burial.id), reason, attempts });
  };
};

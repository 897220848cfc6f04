import { checkInteger } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log, LogFields } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { absent, equals, type Fields, type Table, type Write } from '#primitives/table';
import { parseMessage } from '../message.ts';
import { itemMessage, truncatedMessage, type ItemMessage } from './messages.ts';
import { traceField } from './logged.ts';
import { deliveryId, unpack } from './pack.ts';
import { jitteredPause, persist } from '../pause.ts';
import { textOf } from '#primitives/field-values';
import { checkGiven } from './option-checks.ts';
import { buriedKey, deadLetterKey, effectKey, effectKeyOf, redrivenKey } from './records.ts';
import { sendAll } from './send.ts';
import { inGroupOf, toldOf, verdictOf, type Verdict } from './undeliverable.ts';

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
  /** The messages come from a FIFO queue, and `deadLetters` is one. */
  readonly ordered?: boolean;
}

/** What is buried: an item, or a message in which none could be read. */
interface Burial {
  readonly jobId: string | undefined;
  readonly id: string;
  readonly item: Pick<ItemMessage, 'worker'> | undefined;
  readonly trace: LogFields;
  readonly verdict: Verdict;
  /** The id of the item's message in the queue of items: the same for all that tells of this failure. */
  readonly burial: string;
}

/**
 * Ends what cannot be delivered: the item is marked and counted as failed, and its message goes to the dead letters,
 * with the attributes `reason`, `attempts`, `jobId` and `burial`. Rejects when it could not: the message has to come again.
 *
 * Marker, count and an entry in the list of dead letters are one transaction; then the message is sent, then the entry
 * says so. A crash before the send: the next delivery finds the entry without the note and sends. A crash between the
 * send and the note: a second dead letter (at least once). An item that was done after all is left in peace, and so is
 * one that was redriven since.
 *
 * API calls for a message without faults: 3 (transaction, send, note).
 */
export const bury = (options: BuryOptions) => {
  checkGiven(options, ['jobs', 'effects', 'deadLetters', 'clock', 'random', 'log']);
  checkInteger('maxReceiveCount', options.maxReceiveCount, 1, 1_000);
  checkInteger('keepMs', options.keepMs, 1, Number.MAX_SAFE_INTEGER);
  const { jobs, effects, clock, log, keepMs, maxReceiveCount, ordered = false } = options;
  const pause = jitteredPause(options);

  const burialOf = (message: ReceivedMessage): Burial => {
    const verdict = verdictOf(message, {
      reason: `received ${maxReceiveCount} times without an answer: the worker crashed or timed out`,
      attempts: maxReceiveCount,
    });
    const burial = message.attributes.origin ?? deliveryId(message);
    const trace = traceField(message);
    const whole = parseMessage(itemMessage, message.body);
    const parsed = whole.ok ? whole : parseMessage(truncatedMessage, message.body);
    if (parsed.ok)
      return { jobId: parsed.value.jobId, id: parsed.value.id, item: parsed.value, verdict, burial, trace };
    return { jobId: undefined, id: `unreadable/${burial}`, item: undefined, verdict, burial, trace };
  };

  const writesOf = ({ jobId, id, item, verdict, burial }: Burial): readonly (Write & { readonly table?: Table })[] => {
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
      burial,
      atMs,
      ...(jobId === undefined ? {} : { jobId }),
      ...(item === undefined ? {} : { id, worker: item.worker }),
    };
    return [
      { kind: 'check', key: redrivenKey(burial), condition: absent() },
      put(deadLetterKey(jobId, id), { ...about, sent: false }),
      // What could not be read has no item to mark.
      ...(item === undefined ? [] : [put(effectKey(jobId, id), { ...about, status: 'failed' }, effects)]),
      ...(jobId === undefined ? [] : [put(buriedKey(jobId, id), { ok: 0, bad: 1, ids: [id] })]),
    ];
  };

  /** The burial that a letter has to tell of; undefined when there is none to send. */
  const toSend = async (burial: Burial): Promise<string | undefined> => {
    const item = effectKeyOf(burial.jobId, burial.id);
    const outcome = await persist('bury', pause, async () => {
      const answer = await jobs.transact(writesOf(burial));
      return answer.status === 'conflict' ? undefined : answer;
    });
    if (outcome.status === 'written') return burial.burial;
    const hasEnded = outcome.refusals.some(({ current } = { current: undefined }) => {
      const status = current?.status;
      return status !== undefined && status !== 'failed';
    });
    const wasRedriven = outcome.refusals[0] !== undefined;
    if (hasEnded || wasRedriven) {
      log.info('undeliverable message dropped: its item has ended, or was redriven', { item, ...burial.trace });
      return undefined;
    }
    const key = deadLetterKey(burial.jobId, burial.id);
    const { fields } = await persist('read dead letter', pause, async () => ({ fields: await jobs.get(key) }));
    return fields === undefined || fields.sent === true ? undefined : textOf(fields.burial);
  };

  const buryOne = async (message: ReceivedMessage): Promise<void> => {
    const burial = burialOf(message);
    const token = await toSend(burial);
    if (token === undefined) return;
    const { reason, attempts } = burial.verdict;
    const jobId = burial.jobId === undefined ? {} : { jobId: burial.jobId };
    const letter = toldOf(message, { reason, attempts: String(attempts), burial: token, ...jobId });
    await sendAll(
      options.deadLetters,
      [{ ...letter, ...(ordered ? inGroupOf(message, deliveryId(message)) : {}) }],
      pause,
    );
    await persist('note dead letter', pause, () =>
      // Without the condition a letter that was redriven meanwhile would be listed again.
      jobs.update({
        key: deadLetterKey(burial.jobId, burial.id),
        set: { sent: true },
        condition: equals('burial', token),
      }),
    );
    log.warn('item buried', { item: effectKeyOf(burial.jobId, burial.id), reason, attempts, ...burial.trace });
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = unpack(message);
    // SQS moves a message whole: of the items in it some may have ended, which are left in peace.
    const parts = parsed.ok ? parsed.value.map((each) => each.message) : [message];
    for (const part of parts) await buryOne(part);
  };
};

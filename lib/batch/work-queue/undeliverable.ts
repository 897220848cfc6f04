import { MAX_CALL_BYTES } from '#primitives/batches';
import type { OutgoingMessage, ReceivedMessage } from '#primitives/queue';
import { messageBytes } from '#primitives/queue-limits';
import { parseMessage } from '../message.ts';
import { itemMessage } from './messages.ts';
import { deliveryId } from './pack.ts';

const MAX_ATTRIBUTES = 10;
const MAX_REASON_LENGTH = 500;

/** Text that SQS takes as an attribute: XML's characters, at most so many, never empty. */
const attributeText = (text: string): string =>
  text
    .toWellFormed()
    // oxlint-disable-next-line no-control-regex
    .replaceAll(/[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]/g, ' ')
    .slice(0, MAX_REASON_LENGTH)
    .toWellFormed() || 'no reason given';

/** The same message with attributes added, which go before its own when there are more than SQS allows. */
const withAttributes = (
  message: Pick<ReceivedMessage, 'body' | 'attributes'>,
  added: Readonly<Record<string, string>>,
): OutgoingMessage => {
  const own = Object.entries(message.attributes).filter(([name]) => !(name in added));
  const entries = [...Object.entries(added).map(([name, text]) => [name, attributeText(text)] as const), ...own];
  return { body: message.body, attributes: Object.fromEntries(entries.slice(0, MAX_ATTRIBUTES)) };
};

const BEGIN_LENGTH = 1_000;

/** What stands for a body that is too long to be sent with a reason: how it begins, and whose item it was. */
const truncated = (body: string): string => {
  const parsed = parseMessage(itemMessage, body);
  const { jobId, id, worker } = parsed.ok ? parsed.value : {};
  const begin = body.slice(0, BEGIN_LENGTH).toWellFormed();
  return JSON.stringify({ truncated: true, bytes: Buffer.byteLength(body), begin, jobId, id, worker });
};

/**
 * A message on its way to the dead letters, with what is to be told of it. One that would thereby be longer than SQS
 * takes goes with `{truncated, bytes, begin, jobId?, id?, worker?}` as its body: it can't be redriven, but is counted.
 */
export const toldOf = (
  message: Pick<ReceivedMessage, 'body' | 'attributes'>,
  added: Readonly<Record<string, string>>,
): OutgoingMessage => {
  const whole = withAttributes(message, added);
  return messageBytes(whole) <= MAX_CALL_BYTES ? whole : { ...whole, body: truncated(message.body) };
};

/** What tells why a message cannot be delivered: `origin` is the id that it had in the queue of items. */
export interface Verdict {
  readonly reason: string;
  readonly attempts: number;
}

/** A message that will never succeed, and why. */
export interface Rejected {
  readonly message: ReceivedMessage;
  readonly verdict: Verdict;
}

/**
 * The message to send to where undeliverable ones go.
 *
 * @param isOrdered To a FIFO queue: it stays in its group. A repeat within five minutes is dropped by its id, which is
 *   that of this message, not of its item: what was redriven and has failed again must not be taken for a repeat.
 */
export const undeliverable = (
  message: ReceivedMessage,
  { reason, attempts }: Verdict,
  isOrdered = false,
): OutgoingMessage => ({
  ...toldOf(message, { reason, attempts: String(attempts), origin: deliveryId(message) }),
  ...(isOrdered ? inGroupOf(message, deliveryId(message)) : {}),
});

/** What a copy of a message needs besides on a FIFO queue: the group of the original, and an id of its own. */
export const inGroupOf = (
  { groupId }: Pick<ReceivedMessage, 'groupId'>,
  deduplicationId: string,
): Pick<OutgoingMessage, 'groupId' | 'deduplicationId'> => (groupId === undefined ? {} : { groupId, deduplicationId });

/** What this queue's own functions have written on a message that could not be delivered. */
const OWN_ATTRIBUTES = ['reason', 'attempts', 'origin', 'part', 'burial', 'jobId'];

/** A dead letter as it goes back: as it was first sent, with the name of the redrive that moved it. */
export const redriven = (
  letter: Pick<ReceivedMessage, 'body' | 'attributes'>,
  redriveId: string,
): Pick<OutgoingMessage, 'body' | 'attributes'> => {
  const own = Object.entries(letter.attributes).filter(([name]) => !OWN_ATTRIBUTES.includes(name));
  return withAttributes({ body: letter.body, attributes: Object.fromEntries(own) }, { redrive: redriveId });
};

/** The verdict that came with a message; `fallback` where SQS itself moved it, which tells nothing. */
export const verdictOf = ({ attributes }: Pick<ReceivedMessage, 'attributes'>, fallback: Verdict): Verdict => {
  const attempts = Number(attributes.attempts);
  return {
    reason: attributes.reason ?? fallback.reason,
    attempts: Number.isSafeInteger(attempts) && attempts > 0 ? attempts : fallback.attempts,
  };
};

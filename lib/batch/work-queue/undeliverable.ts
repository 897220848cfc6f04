import type { OutgoingMessage, ReceivedMessage } from '#primitives/queue';

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
export const withAttributes = (
  message: Pick<ReceivedMessage, 'body' | 'attributes'>,
  added: Readonly<Record<string, string>>,
): OutgoingMessage => {
  const own = Object.entries(message.attributes).filter(([name]) => !(name in added));
  const entries = [...Object.entries(added).map(([name, text]) => [name, attributeText(text)] as const), ...own];
  return { body: message.body, attributes: Object.fromEntries(entries.slice(0, MAX_ATTRIBUTES)) };
};

/** What tells why a message cannot be delivered: `origin` is the id that it had in the queue of items. */
export interface Verdict {
  readonly reason: string;
  readonly attempts: number;
}

export const undeliverable = (message: ReceivedMessage, { reason, attempts }: Verdict): OutgoingMessage =>
  withAttributes(message, { reason, attempts: String(attempts), origin: message.id });

/** The verdict that came with a message; `fallback` where SQS itself moved it, which tells nothing. */
export const verdictOf = ({ attributes }: Pick<ReceivedMessage, 'attributes'>, fallback: Verdict): Verdict => {
  const attempts = Number(attributes.attempts);
  return {
    reason: attributes.reason ?? fallback.reason,
    attempts: Number.isSafeInteger(attempts) && attempts > 0 ? attempts : fallback.attempts,
  };
};

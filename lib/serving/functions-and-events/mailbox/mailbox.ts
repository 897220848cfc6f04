import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import { absent, type Fields, type Table } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';

/** A message to one person. */
export interface Mail {
  /** The same for every attempt to send the same mail. 1..256 bytes. */
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/**
 * Hands a mail over to whoever delivers it. It is called at least once for a mail, always with the same id: a mailer
 * that can tell repeats by the id sends each mail once. Rejects when the mail may not have been taken.
 */
export type Mailer = (mail: Mail) => Promise<void>;

/** A mail as it was "sent". */
export interface SentMail extends Mail {
  readonly sentAtMs: number;
}

export interface Mailbox {
  /** Keeps the first mail of an id; further ones change nothing. One call. */
  readonly send: Mailer;
  /** The mails to an address, oldest first, a hundred at most. One call. */
  list(address: string): Promise<readonly SentMail[]>;
}

export interface MailboxOptions {
  readonly table: Table;
  readonly clock: Clock;
  /** After so long the table forgets a mail. 1..30 days, in ms. */
  readonly keepMs: number;
}

const DAY_MS = 86_400_000;
const LIST_LIMIT = 100;
/** Names that nobody will ever own. @see https://www.rfc-editor.org/rfc/rfc2606#section-2 */
const NOWHERE = /\.invalid$/;

// Addresses differ in case only by mistake.
const partitionOf = (address: string): string => `mailbox/${address.normalize('NFC').toLowerCase()}`;

const textOf = (fields: Fields, name: string): string => {
  const { [name]: value } = fields;
  return typeof value === 'string' ? value : '';
};

/**
 * A table that stands for all mailboxes of the world: what is sent can be read, and leaves the machine by no other way.
 * For tests and for stages that run on one machine: mails are kept in clear. To an address that ends in `.invalid`
 * nothing can be sent, as nowhere on the internet.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const mailbox = (options: MailboxOptions): Mailbox => {
  checkNames(options, ['table', 'clock', 'keepMs']);
  const { table, clock, keepMs } = options;
  checkInteger('keepMs', keepMs, DAY_MS, 30 * DAY_MS);

  return Object.freeze<Mailbox>({
    send: async ({ id, to, subject, text }) => {
      checkText('id', id, 1, 256);
      checkText('to', to, 1, 1_024);
      if (NOWHERE.test(to.toLowerCase())) throw new UnavailableError('No host takes mail for a name in .invalid');
      const sentAtMs = clock.nowMs();
      await untilAnswered(() =>
        table.put({
          key: { partition: partitionOf(to), sort: id },
          fields: { to, subject, text, sentAtMs },
          condition: absent(),
          expiresAtMs: sentAtMs + keepMs,
        }),
      );
    },
    list: async (address) => {
      checkText('address', address, 1, 1_024);
      const { records } = await table.query({ partition: partitionOf(address), limit: LIST_LIMIT });
      return records
        .map(({ key, fields }) => ({
          id: key.sort,
          to: textOf(fields, 'to'),
          subject: textOf(fields, 'subject'),
          text: textOf(fields, 'text'),
          sentAtMs: Number(fields['sentAtMs'] ?? 0),
        }))
        .toSorted((one, other) => one.sentAtMs - other.sentAtMs);
    },
  });
};

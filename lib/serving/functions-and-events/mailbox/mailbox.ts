import { textOf } from '#primitives/field-values';
import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { UnavailableError } from '#primitives/errors';
import { checkParts } from '#primitives/part-checks';
import { absent, type Key, type Table, type Write } from '#primitives/table';
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
  /** The newest hundred mails to an address, oldest first, by the clocks of those who sent them. One call. */
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
const TRIES = 5;
const CONFLICT_PAUSE_MS = 20;
/** Names that nobody will ever own. @see https://www.rfc-editor.org/rfc/rfc2606#section-2 */
const NOWHERE = /\.invalid$/;

// Addresses differ in case only by mistake.
const sameOf = (address: string): string => address.normalize('NFC').toLowerCase();
const partitionOf = (address: string): string => `mailbox/${sameOf(address)}`;

const markOf = (address: string, id: string): Key => ({ partition: `sent/${sameOf(address)}`, sort: id });

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
  checkParts({ table, clock });
  checkInteger('keepMs', keepMs, DAY_MS, 30 * DAY_MS);

  /** Refused means that the mail is there. Only the same mail, sent twice at once, can be in its way. */
  const write = async (writes: readonly Write[]): Promise<void> => {
    for (let tries = 1; tries <= TRIES; tries += 1) {
      const { status } = await untilAnswered(() => table.transact(writes));
      if (status !== 'conflict') return;
      await clock.sleep(CONFLICT_PAUSE_MS * tries);
    }
    throw new UnavailableError(`${table.name}: ${TRIES} transactions met others`);
  };

  return Object.freeze<Mailbox>({
    send: async ({ id, to, subject, text }) => {
      checkText('id', id, 1, 256);
      checkText('to', to, 1, 1_024);
      if (NOWHERE.test(to.toLowerCase())) throw new UnavailableError('No host takes mail for a name in .invalid');
      const sentAtMs = clock.nowMs();
      const expiresAtMs = sentAtMs + keepMs;
      // By time, so that the newest are found by one query. That it was sent is a record of its own, by the id alone.
      const mail = { partition: partitionOf(to), sort: `${new Date(sentAtMs).toISOString()}#${id}` };
      await write([
        { kind: 'put', key: markOf(to, id), fields: {}, condition: absent(), expiresAtMs },
        { kind: 'put', key: mail, fields: { id, to, subject, text, sentAtMs }, expiresAtMs },
      ]);
    },
    list: async (address) => {
      checkText('address', address, 1, 1_024);
      const newestFirst = { partition: partitionOf(address), limit: LIST_LIMIT, descending: true };
      const { records } = await table.query(newestFirst);
      return records.toReversed().map(({ fields }) => ({
        id: textOf(fields['id']) ?? '',
        to: textOf(fields['to']) ?? '',
        subject: textOf(fields['subject']) ?? '',
        text: textOf(fields['text']) ?? '',
        sentAtMs: Number(fields['sentAtMs'] ?? 0),
      }));
    },
  });
};

import { checkInteger, checkNames } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkFunction, checkParts } from '#primitives/part-checks';
import { absent, and, not, type Table } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import type { Mailer } from '../mailbox/mailbox.ts';
import type { ChallengeRequest } from './challenges.ts';
import { codeHash, drawCode, hideCode, showCode, type Mac } from './mac.ts';
import {
  challengeKey,
  challengeOf,
  checkOwner,
  isExhausted,
  isExpired,
  isOpen,
  newChallenge,
  type ChallengeRecord,
} from './record.ts';

/** `skipped`: the challenge is over (used, exhausted, out of time), nobody could use its code. */
export type Sending = 'sent' | 'already-sent' | 'skipped';

export interface CodeSenderOptions {
  readonly table: Table;
  readonly mailer: Mailer;
  readonly mac: Mac;
  /** A number from 0 to below `limit`, each as likely, of the secure source: `randomInt` of node:crypto. */
  readonly drawBelow: (limit: number) => number;
  readonly clock: Clock;
  /** How long a code is good for that an event asked for without HTTP. 1_000..3_600_000 ms. */
  readonly lifetimeMs: number;
}

/**
 * Sends the code of a challenge. It is drawn here, so that no event ever carries one; at the first delivery, and all
 * later ones send the same again: they find it, hidden by the key, with the challenge.
 *
 * Called again after a crash anywhere it goes on where the record says. Four calls; two when it was sent before.
 *
 * @param request Its event may come late, twice, and before or without the HTTP request that it tells of.
 * @param sentAtMs When the event was sent: from then on a challenge that HTTP did not make has its time.
 * @throws {@link InvalidArgumentError} when the challenge is of another user or address: no attempt will succeed
 */
export type CodeSender = (request: ChallengeRequest, sentAtMs: number) => Promise<Sending>;

const SUBJECT = 'Your code';
const textFor = (code: string): string => `${code} is your code. It can be used once, and nobody will ask you for it.`;

/** @throws {@link InvalidArgumentError} when an option is unknown or out of its range */
export const codeSender = (options: CodeSenderOptions): CodeSender => {
  checkNames(options, ['table', 'mailer', 'mac', 'drawBelow', 'clock', 'lifetimeMs']);
  const { table, mailer, mac, drawBelow, clock, lifetimeMs } = options;
  checkParts({ table, clock });
  checkFunction('mailer', mailer);
  checkFunction('mac', mac);
  checkFunction('drawBelow', drawBelow);
  checkInteger('lifetimeMs', lifetimeMs, 1_000, 3_600_000);

  const find = async (request: ChallengeRequest, sentAtMs: number): Promise<ChallengeRecord> => {
    const fields = await table.get(challengeKey(request.challengeId));
    if (fields !== undefined) return challengeOf(fields);
    const made = newChallenge(request, sentAtMs + lifetimeMs);
    const outcome = await untilAnswered(() => table.put(made));
    return challengeOf(outcome.status === 'refused' ? (outcome.current ?? made.fields) : made.fields);
  };

  /** The code under its pad; undefined when the challenge is over. Whoever comes first draws it. */
  const hiddenCode = async (challengeId: string, record: ChallengeRecord): Promise<number | undefined> => {
    if (record.hidden !== undefined) return record.hidden;
    const code = drawCode(drawBelow);
    const [hash, hidden] = [await codeHash(mac, challengeId, code), await hideCode(mac, challengeId, code)];
    const outcome = await untilAnswered(() =>
      table.update({
        key: challengeKey(challengeId),
        set: { hash, hidden },
        condition: and(absent('hash'), isOpen(clock.nowMs())),
      }),
    );
    if (outcome.status === 'written') return hidden;
    // Drawn by another delivery, or by this one, whose answer was lost.
    return outcome.current === undefined ? undefined : challengeOf(outcome.current).hidden;
  };

  return async (request, sentAtMs) => {
    const { challengeId, address } = request;
    const record = await find(request, sentAtMs);
    checkOwner(record, request);
    if (record.sentAtMs !== undefined) return 'already-sent';
    if (record.tokenHash !== undefined || isExhausted(record) || isExpired(record, clock.nowMs())) return 'skipped';
    const hidden = await hiddenCode(challengeId, record);
    if (hidden === undefined) return 'skipped';
    const code = await showCode(mac, challengeId, hidden);
    await mailer({ id: challengeId, to: address, subject: SUBJECT, text: textFor(code) });
    const set = { sentAtMs: clock.nowMs() };
    await untilAnswered(() => table.update({ key: challengeKey(challengeId), set, condition: not(absent()) }));
    return 'sent';
  };
};

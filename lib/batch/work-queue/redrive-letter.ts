import type { Clock } from '#primitives/clock';
import type { ReceivedMessage } from '#primitives/queue';
import { absent, and, equals, not, type Table } from '#primitives/table';
import { parseMessage } from '../message.ts';
import { itemMessage, jobMessage } from './messages.ts';
import { persist, type Pause } from '../pause.ts';
import { textOf } from '#primitives/field-values';
import { buriedKey, deadLetterKey, effectKey, jobKey, partKey, redrivenKey } from './records.ts';

/**
 * What is to be done with a dead letter: `move` it back, now that nothing stands against it; `drop` it, as its item has
 * ended or a later letter tells of it; `leave` it, as nobody can read it.
 */
export type LetterVerdict = 'move' | 'drop' | 'leave';

interface LetterOptions {
  readonly jobs: Table;
  readonly effects: Table;
  readonly clock: Clock;
  readonly keepMs: number;
  readonly pause: Pause;
}

/**
 * Undoes the burial of an item: its marker, its count as failed, and its place in the list of dead letters go in one
 * transaction, and a tombstone of the burial comes. From then on the item is pending again, and the letter has to be
 * moved: a repeat finds no marker and says so again. The transaction names the burial that it undoes, so that one that
 * lands late, when the item has failed anew, changes nothing.
 *
 * API calls: 1.
 */
export const unbury = async (letter: ReceivedMessage, options: LetterOptions): Promise<LetterVerdict> => {
  const { jobs, effects, clock, keepMs, pause } = options;
  const { burial } = letter.attributes;
  const parsed = parseMessage(itemMessage, letter.body);
  if (!parsed.ok) return 'leave';
  const { jobId, id } = parsed.value;
  const isThis = burial === undefined ? [] : [equals('burial', burial)];
  return persist('unbury', pause, async () => {
    const outcome = await jobs.transact([
      {
        kind: 'delete',
        table: effects,
        key: effectKey(jobId, id),
        condition: and(equals('status', 'failed'), ...isThis),
      },
      { kind: 'delete', key: deadLetterKey(jobId, id) },
      ...(jobId === undefined ? [] : [{ kind: 'delete' as const, key: buriedKey(jobId, id) }]),
      ...(burial === undefined
        ? []
        : [
            {
              kind: 'put' as const,
              key: redrivenKey(burial),
              fields: {},
              expiresAtMs: clock.nowMs() + keepMs,
            },
          ]),
    ]);
    if (outcome.status === 'conflict') return undefined;
    if (outcome.status === 'written') return 'move';
    return textOf(outcome.refusals[0]?.current?.status) === undefined ? 'move' : 'drop';
  });
};

/**
 * Lets a job go on whose planning was given up. That of a part goes on with its own letter: as long as another's stays,
 * its job is `failed`. API calls: 1; for a part that had not failed by itself 2.
 */
export const resumePlan = async (letter: ReceivedMessage, { jobs, pause }: LetterOptions): Promise<LetterVerdict> => {
  const parsed = parseMessage(jobMessage, letter.body);
  if (!parsed.ok) return 'leave';
  const { jobId } = parsed.value;
  if (jobId === undefined) return 'move';
  const part = 'worker' in parsed.value ? undefined : parsed.value.part;
  for (const key of [...(part === undefined ? [] : [partKey(jobId, part)]), jobKey(jobId)]) {
    const outcome = await persist('resume plan', pause, () =>
      jobs.update({ key, remove: ['failure'], condition: not(absent('failure')) }),
    );
    // Refused: planning was not given up; whether there is such a job, the planner says.
    if (outcome.status === 'written') break;
  }
  return 'move';
};

import { isRetryable, PatternError, UnavailableError } from '#primitives/errors';
import { MAX_TRIES, persist, type Pause } from '#batch/pause';
import { canonicalJson } from '#primitives/canonical-json';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { absent, equals, type Fields, type Table, type TransactionOutcome, type Write } from '#primitives/table';
import { toStage } from './emissions.ts';
import type { ListMessage, StageMessage } from './messages.ts';
import { sendOut, type Outlets } from './outlets.ts';
import { WHOLE, type Pipeline } from './pipeline.ts';
import { numberOf, textOf } from '#primitives/field-values';
import { acceptedKey, digest, listKey, numbersKey } from './records.ts';
import { NOTHING, tallies } from './tally.ts';
import { ACCEPT, type PipelineEvent } from './types.ts';

export interface IntakeOptions {
  readonly table: Table;
  readonly outlets: Outlets;
  readonly clock: Clock;
  readonly random: Random;
  readonly pause: Pause;
  /** How long it is known which ids were accepted. */
  readonly keepMs: number;
}

/** Two records for an event at most, and one to count them: a transaction takes 100. */
const CHUNK = 48;

interface Numbered {
  readonly event: PipelineEvent;
  readonly seq: number;
}

/** Of an event that was accepted before: its number, and what it was. */
interface Accepted {
  readonly seq: number;
  readonly content: string | undefined;
}

/** What was there: the events that were accepted before, and the next number of each key. */
interface Known {
  readonly accepted: ReadonlyMap<string, Accepted>;
  readonly next: ReadonlyMap<string, number | undefined>;
}

const acceptedOf = (fields: Fields | undefined): Accepted | undefined =>
  fields === undefined ? undefined : { seq: numberOf(fields.seq), content: textOf(fields.content) };

/** Tells one event from another of the same id. */
const contentOf = ({ key, type, data }: PipelineEvent): string => digest(canonicalJson([key, type, data]));

/**
 * Numbers the events that are new, in their order; an id that comes twice is the first of them. An id that was accepted
 * with another content or key is left out: the list that brought it first sends it. Under its number another event would
 * race with it, and another key would use a number that is not its own.
 */
const numbered = (events: readonly PipelineEvent[], known: Known) => {
  const next = new Map(known.next);
  const fresh: Numbered[] = [];
  const all: Numbered[] = [];
  const seen = new Set<string>();
  for (const event of events) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    const before = known.accepted.get(event.id);
    if (before !== undefined) {
      if (before.content === contentOf(event)) all.push({ event, seq: before.seq });
      continue;
    }
    const seq = next.get(event.key) ?? 0;
    all.push({ event, seq });
    fresh.push({ event, seq });
    next.set(event.key, seq + 1);
  }
  return { all, fresh, next };
};

/**
 * Takes lists of events in: each is counted once, gets its number within its key, in the order of the list, and goes to
 * the first stage. What was accepted before keeps its number and is sent again: who takes it there knows it. An id that
 * comes with something else than what was accepted is not sent, and not counted.
 *
 * The events must not be sent before they have their numbers, and no number may be given that is not sent: the list comes
 * again until all of it was sent.
 *
 * API calls for 48 events: one read, one transaction, five sends; one more for each but the last 48 of a list.
 */
export const intake = (options: IntakeOptions) => {
  const { table, clock, random, pause, keepMs } = options;
  const tally = tallies({ random });

  const look = async (pipeline: string, events: readonly PipelineEvent[]): Promise<Known> => {
    const ids = [...new Set(events.map(({ id }) => id))];
    const keys = [...new Set(events.map(({ key }) => key))];
    const records = await persist('look for accepted events', pause, () =>
      table.getMany([...ids.map((id) => acceptedKey(pipeline, id)), ...keys.map((key) => numbersKey(pipeline, key))]),
    );
    const accepted = ids.flatMap((id, index): [string, Accepted][] => {
      const before = acceptedOf(records[index]);
      return before === undefined ? [] : [[id, before]];
    });
    const next = keys.map((key, index): [string, number | undefined] => {
      const fields = records[ids.length + index];
      return [key, fields === undefined ? undefined : numberOf(fields.next)];
    });
    return { accepted: new Map(accepted), next: new Map(next) };
  };

  const writesOf = (pipeline: string, fresh: readonly Numbered[], known: Known, next: Known['next']): Write[] => {
    const expiresAtMs = clock.nowMs() + keepMs;
    const keys = [...new Set(fresh.map(({ event }) => event.key))];
    return [
      ...fresh.map(({ event, seq }): Write => ({
        kind: 'put',
        key: acceptedKey(pipeline, event.id),
        fields: { seq, content: contentOf(event) },
        condition: absent(),
        expiresAtMs,
      })),
      ...keys.map((key): Write => {
        const before = known.next.get(key);
        return {
          kind: 'put',
          key: numbersKey(pipeline, key),
          fields: { next: next.get(key) ?? 0 },
          condition: before === undefined ? absent() : equals('next', before),
        };
      }),
    ];
  };

  /** Gives the numbers, once. An answer that was lost, or another list in between: the records tell what there is now. */
  const accept = async (pipeline: string, events: readonly PipelineEvent[]): Promise<readonly Numbered[]> => {
    for (let tries = 1; tries <= MAX_TRIES; tries += 1) {
      const known = await look(pipeline, events);
      const { all, fresh, next } = numbered(events, known);
      if (fresh.length === 0) return all;
      const token = random.uuid();
      const counts = { ...NOTHING, in: fresh.length, out: fresh.length, sent: { [ACCEPT]: fresh.length } };
      const entry = tally.entry(pipeline, ACCEPT, counts, token);
      const outcome = await table
        .transact([...writesOf(pipeline, fresh, known, next), entry.write])
        .catch((error: unknown): TransactionOutcome => {
          if (!isRetryable(error)) throw error;
          // It may have been applied: then the record of this host is another one than is thought here.
          return { status: 'conflict' };
        });
      if (outcome.status === 'written') {
        entry.written();
        return all;
      }
      entry.abandoned();
      await pause(tries);
    }
    throw new PatternError('event-driven/not-accepted', `${pipeline}: not accepted`, { retryable: true });
  };

  const sendOn = async (pipeline: Pipeline, list: readonly Numbered[], trace: string | undefined): Promise<void> => {
    const emissions = list.map(({ event, seq }) => {
      const message: StageMessage = {
        pipeline: pipeline.name,
        stage: pipeline.first,
        input: ACCEPT,
        event,
        seq,
        ...(pipeline.merger === undefined ? {} : { share: WHOLE }),
        ...(trace === undefined ? {} : { trace }),
      };
      return toStage(pipeline, message);
    });
    const taken = await sendOut(options.outlets, emissions, pause);
    const unsent = taken.filter((isTaken) => !isTaken).length;
    if (unsent > 0) throw new UnavailableError(`${pipeline.name}: ${unsent} events not sent to ${pipeline.first}`);
  };

  /**
   * @param messageId Under it a long list goes on where it was, when it comes again.
   * @param isOver Asked between two parts: when it holds the rest is left to another delivery.
   * @returns false when there is a rest.
   * @throws retryable errors: the list has to come again
   */
  return async (
    pipeline: Pipeline,
    { events, trace }: ListMessage,
    messageId: string,
    isOver: () => boolean,
  ): Promise<boolean> => {
    const isLong = events.length > CHUNK;
    const record = isLong
      ? await persist('read list', pause, async () => ({ fields: await table.get(listKey(messageId)) }))
      : undefined;
    for (let from = numberOf(record?.fields?.done); from < events.length; from += CHUNK) {
      const chunk = events.slice(from, from + CHUNK);
      await sendOn(pipeline, await accept(pipeline.name, chunk), trace);
      if (from + CHUNK >= events.length) continue;
      const done = from + CHUNK;
      await persist('note list', pause, () =>
        table.put({ key: listKey(messageId), fields: { done }, expiresAtMs: clock.nowMs() + keepMs }),
      );
      if (isOver()) return false;
    }
    return true;
  };
};

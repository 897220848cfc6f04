import { failuresOf, type PartialBatchAnswer } from '#batch/partial-batch';
import type { Pause } from '#batch/pause';
import { persistently } from '#batch/work-queue/send';
import { retryDelayMs, retryLater, type Backoff, type Retry } from '#batch/work-queue/retry-later';
import { PermanentFailure } from '#batch/work-queue/types';
import { toldOf } from '#batch/work-queue/undeliverable';
import type { Log } from '#primitives/log';
import type { OutgoingMessage, Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { recordable } from './change.ts';
import { emissionsOf, type Emission } from './emissions.ts';
import type { Fate, Fated, Ledger } from './ledger.ts';
import { parseStageMessage, type StageMessage } from './messages.ts';
import { sendOut, type Outlets } from './outlets.ts';
import { stepOf, type Pipeline } from './pipeline.ts';
import { wayFault } from './way-fault.ts';

export interface StageOptions {
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly ledger: Ledger;
  readonly outlets: Outlets;
  readonly deadLetters: Queue;
  readonly random: Random;
  readonly log: Log;
  readonly pause: Pause;
  readonly maxReceiveCount: number;
  readonly backoff: Backoff;
}

/** A message that is an event for a stage of ours. */
interface Arrival {
  readonly message: ReceivedMessage;
  readonly content: StageMessage;
  readonly pipeline: Pipeline;
}

interface Decided extends Arrival {
  readonly fate: Fate;
}

/** A message that no attempt would do anything with, and why. */
export interface Unreadable {
  readonly message: ReceivedMessage;
  readonly reason: string;
}

const MAX_REASON_CHARACTERS = 1_000;
const textOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON_CHARACTERS).toWellFormed() ||
  'no reason';
const letterOf = ({ message: { id, body, receiveCount }, reason }: Unreadable): OutgoingMessage =>
  toldOf({ body, attributes: {} }, { reason, attempts: String(receiveCount), origin: id });

const groupsOf = (arrivals: readonly Arrival[]): readonly (readonly Arrival[])[] => {
  const groups = new Map<string, Arrival[]>();
  for (const arrival of arrivals) {
    const name = `${arrival.pipeline.name}/${arrival.content.stage}`;
    groups.set(name, [...(groups.get(name) ?? []), arrival]);
  }
  return [...groups.values()];
};

/**
 * The generic function of all stages but mergers: what the pipelines say is done with each event, recorded once, and
 * sent on.
 *
 * First it is recorded what becomes of the events of a batch, and counted, in one transaction; then they are sent on;
 * then the messages are done with. A crash in between: the message comes again, what was recorded stands, and it is sent
 * on again. So a stage may send an event twice, and the next one takes it once.
 *
 * An event whose stage throws is put off, and at its last attempt, or by a `PermanentFailure`, becomes a dead letter,
 * counted, with the reason.
 *
 * API calls for ten events of one stage without faults: 1 transaction and a send for each ten of each place that they
 * go to; with the queue's receive and delete 0.4 an event where there is one such place.
 */
export const stageRunner = (options: StageOptions) => {
  const { pipelines, outlets, random, log, pause, maxReceiveCount, backoff } = options;

  const read = (messages: readonly ReceivedMessage[]) => {
    const arrivals: Arrival[] = [];
    const unreadable: Unreadable[] = [];
    for (const message of messages) {
      const parsed = parseStageMessage(message.body);
      if (!parsed.ok) {
        unreadable.push({ message, reason: parsed.reason });
        continue;
      }
      const pipeline = pipelines.get(parsed.value.pipeline);
      if (pipeline === undefined || stepOf(pipeline, parsed.value.stage) === undefined) {
        unreadable.push({ message, reason: 'invalid message: there is no such stage' });
        continue;
      }
      const fault = wayFault(pipeline, parsed.value);
      if (fault === undefined) arrivals.push({ message, content: parsed.value, pipeline });
      else unreadable.push({ message, reason: `invalid message: ${fault}` });
    }
    return { arrivals, unreadable };
  };

  const decide = async (arrival: Arrival): Promise<Decided | Retry> => {
    const { message, content, pipeline } = arrival;
    const { event, stage } = content;
    try {
      const decision = await stepOf(pipeline, stage)?.decide(event, message.receiveCount);
      const fate = decision === undefined ? ({ kind: 'out', to: [] } as const) : recordable(pipeline, event, decision);
      return { ...arrival, fate };
    } catch (error) {
      const reason = textOf(error);
      log.warn('stage failed', { stage: `${pipeline.name}.${stage}`, attempt: message.receiveCount, reason });
      if (error instanceof PermanentFailure || message.receiveCount >= maxReceiveCount)
        return { ...arrival, fate: { kind: 'dead', reason } };
      return { message, delayMs: retryDelayMs(message.receiveCount, backoff, random) };
    }
  };

  /** Gives the messages whose letters were not taken. */
  const bury = async (dead: readonly Unreadable[]): Promise<readonly string[]> => {
    if (dead.length === 0) return [];
    const outcomes = await persistently((letters) => options.deadLetters.sendBatch(letters), dead.map(letterOf), pause);
    return dead.filter((_, index) => outcomes[index]?.ok !== true).map(({ message }) => message.id);
  };

  /** Records, and sends on what stands. Gives the messages that have to come again. */
  const settle = async (decided: readonly Decided[]): Promise<readonly string[]> => {
    const [first] = decided;
    if (first === undefined) return [];
    // Two deliveries of one event in a batch are one event: the first.
    const byId = new Map(decided.toReversed().map((each) => [each.content.event.id, each]));
    const distinct = [...byId.values()];
    const fated: readonly Fated[] = distinct.map(({ content, fate }) => ({ id: content.event.id, fate }));
    const stands = await options.ledger.record(first.pipeline.name, first.content.stage, fated);
    const sends = distinct.flatMap(({ pipeline, content, fate }, index) =>
      emissionsOf(pipeline, content, stands[index] ?? fate).map((emission): [string, Emission] => [
        content.event.id,
        emission,
      ]),
    );
    const taken = await sendOut(
      outlets,
      sends.map(([, emission]) => emission),
      pause,
    );
    const unsent = new Set(sends.flatMap(([id], index) => (taken[index] === true ? [] : [id])));
    const dead = distinct.flatMap(({ message, fate }, index) => {
      const stood = stands[index] ?? fate;
      return stood.kind === 'dead' ? [{ message, reason: stood.reason }] : [];
    });
    const unburied = await bury(dead);
    const unsentMessages = decided
      .filter(({ content }) => unsent.has(content.event.id))
      .map(({ message }) => message.id);
    return [...unsentMessages, ...unburied];
  };

  const settleAll = async (decided: readonly Decided[]): Promise<readonly string[]> => {
    const again: string[] = [];
    for (const group of groupsOf(decided)) {
      const own = group as readonly Decided[];
      try {
        again.push(...(await settle(own)));
      } catch (error) {
        log.error('batch not recorded, it will come again', { error, count: own.length });
        again.push(...own.map(({ message }) => message.id));
      }
    }
    return again;
  };

  return Object.freeze({
    bury,
    /** @param source The queue that the messages come from: what failed is put off there. */
    run: async (messages: readonly ReceivedMessage[], source?: Queue): Promise<PartialBatchAnswer> => {
      const { arrivals, unreadable } = read(messages);
      const results = await Promise.all(arrivals.map(decide));
      const retries = results.filter((each): each is Retry => 'delayMs' in each);
      const again = await settleAll(results.filter((each): each is Decided => !('delayMs' in each)));
      if (source !== undefined) await retryLater(source, retries);
      const unburied = await bury(unreadable);
      return failuresOf(new Set([...again, ...unburied, ...retries.map(({ message }) => message.id)]));
    },
    /**
     * Ends what was received too often without an answer: it becomes a dead letter, unless it was recorded before; then
     * what was recorded is carried out.
     */
    end: async (messages: readonly ReceivedMessage[]): Promise<PartialBatchAnswer> => {
      const { arrivals, unreadable } = read(messages);
      const reason = `received ${maxReceiveCount} times without an answer: the function crashed or timed out`;
      const decided = arrivals.map((arrival): Decided => ({ ...arrival, fate: { kind: 'dead', reason } }));
      const again = await settleAll(decided);
      return failuresOf(new Set([...again, ...(await bury(unreadable))]));
    },
  });
};

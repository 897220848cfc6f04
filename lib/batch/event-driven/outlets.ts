import { isRetryable } from '#primitives/errors';
import type { Pause } from '#batch/pause';
import { persistently } from '#batch/work-queue/send';
import type { Bus, BusEvent } from '#primitives/bus';
import type { EntryOutcome, OutgoingMessage, Queue } from '#primitives/queue';
import { queueText } from '#primitives/queue-text';
import type { Json } from '#primitives/table';
import type { Emission } from './emissions.ts';
import type { MergeMessage } from './messages.ts';
import { digest, laneOf } from './records.ts';

/** Who speaks on the bus. */
export const SOURCE = 'distributed-patterns.event-driven';

/** Of the events that come to a stage by the bus. */
export const busType = (pipeline: string, stage: string): string => `${pipeline}.${stage}`;

/** Where everything goes to. */
export interface Outlets {
  queueOf(pipeline: string, stage: string, urgent: boolean): Queue;
  /** A FIFO queue, for the mergers of all pipelines. */
  readonly merges: Queue;
  readonly bus: Bus;
}

/** Order within a group is of no matter to the merger, that no two invocations work on one lane is. */
const mergeEntry = (message: MergeMessage): OutgoingMessage => {
  const [id, key] = 'void' in message ? [message.void.id, message.void.key] : [message.event.id, message.event.key];
  return {
    body: queueText(JSON.stringify(message)),
    groupId: `${message.pipeline}-${laneOf(key)}`,
    deduplicationId: digest(JSON.stringify([message.pipeline, id, message.seq, message.input])),
  };
};

const busEntry = (emission: Extract<Emission, { readonly to: 'bus' | 'topic' }>): BusEvent =>
  emission.to === 'bus'
    ? {
        source: SOURCE,
        type: busType(emission.message.pipeline, emission.message.stage),
        detail: { ...emission.message, event: { ...emission.message.event } } as { readonly [name: string]: Json },
      }
    : { source: SOURCE, type: emission.topic, detail: { ...emission.event } };

/** Makes calls in which an entry that failed is reported, and never raised. */
const reported =
  <T>(call: (entries: readonly T[]) => Promise<readonly EntryOutcome[]>) =>
  async (entries: readonly T[]): Promise<readonly EntryOutcome[]> => {
    try {
      return await call(entries);
    } catch (error) {
      if (!isRetryable(error)) throw error;
      return entries.map(() => ({ ok: false, reason: 'no answer', retryable: true }));
    }
  };

/**
 * Sends everything, ten to a call, those again that were not taken; tells of each, in order, whether it was taken at
 * last. What was taken may arrive twice.
 */
export const sendOut = async (
  outlets: Outlets,
  emissions: readonly Emission[],
  pause: Pause,
): Promise<readonly boolean[]> => {
  const taken = emissions.map(() => false);
  const calls = new Map<Queue | Bus, { readonly at: number; readonly emission: Emission }[]>();
  const placeOf = (emission: Emission): Queue | Bus => {
    if (emission.to === 'merger') return outlets.merges;
    if (emission.to !== 'stage') return outlets.bus;
    return outlets.queueOf(emission.message.pipeline, emission.message.stage, emission.urgent);
  };
  for (const [at, emission] of emissions.entries()) {
    const place = placeOf(emission);
    const list = calls.get(place);
    if (list === undefined) calls.set(place, [{ at, emission }]);
    else list.push({ at, emission });
  }
  const sendTo = async (place: Queue | Bus, list: readonly { readonly at: number; readonly emission: Emission }[]) => {
    const outcomes =
      'publish' in place
        ? await persistently(
            reported((events: readonly BusEvent[]) => place.publish(events)),
            list.flatMap(({ emission }) =>
              emission.to === 'bus' || emission.to === 'topic' ? [busEntry(emission)] : [],
            ),
            pause,
          )
        : await persistently(
            reported((messages: readonly OutgoingMessage[]) => place.sendBatch(messages)),
            list.flatMap(({ emission }) =>
              emission.to === 'merger'
                ? [mergeEntry(emission.message)]
                : emission.to === 'stage'
                  ? [{ body: queueText(JSON.stringify(emission.message)) }]
                  : [],
            ),
            pause,
          );
    for (const [index, { at }] of list.entries()) taken[at] = outcomes[index]?.ok === true;
  };
  await Promise.all(Array.from(calls, ([place, list]) => sendTo(place, list)));
  return taken;
};

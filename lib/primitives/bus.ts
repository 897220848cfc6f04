import type { EntryOutcome } from './queue.ts';
import type { Json } from './table.ts';

export interface BusEvent {
  /** Who speaks, e.g. `distributed-patterns.work-queue`. Not `aws.…`. */
  readonly source: string;
  /** What happened, in the past tense: `job.finished`. 1..128 characters. */
  readonly type: string;
  readonly detail: { readonly [name: string]: Json };
  readonly atMs?: number;
}

/**
 * An event bus. Delivery to the targets of its rules is at least once and in no order.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
export interface Bus {
  readonly name: string;

  /**
   * Publishes any number of events, ten to a call; outcomes come in the order of the events, since a call may fail in
   * part although it is answered with 200. At most 1 MiB a call.
   */
  publish(events: readonly BusEvent[]): Promise<readonly EntryOutcome[]>;
}

import type { Json } from '#primitives/table';

/** What flows through a pipeline. Within a pipeline an id stands for one event, however often it comes. */
export interface PipelineEvent {
  /** 1..256 bytes of UTF-8, without NUL. */
  readonly id: string;
  /** Events of one key keep their order, and go to one shard. 1..256 bytes of UTF-8, without NUL. */
  readonly key: string;
  /** What happened, e.g. `order.placed`. 1..128 bytes. */
  readonly type: string;
  readonly data: Json;
}

/** A subject on the bus: who wants what is published there adds a rule. Nobody has to. */
export interface Topic {
  readonly topic: string;
}

/** Of a topic: an EventBridge detail type. */
export const TOPIC = /^[\w.-]{1,128}$/;

/** Where a branch of a stage leads: to another stage, or to the bus. */
export type Target<To extends string = string> = To | Topic;

/** What a stage does with one event. `to` names branches of the stage. */
export type Decision =
  | {
      readonly kind: 'out';
      readonly to: readonly string[];
      /** Instead of the event's own. Id and key stay. */
      readonly change?: Partial<Pick<PipelineEvent, 'type' | 'data'>>;
    }
  | { readonly kind: 'filtered'; readonly reason: string };

/** A stage that decides of each event by itself. Made by `copier`, `filter`, `splitter`, `sharder` and `worker`. */
export interface Step<To extends string = string> {
  readonly kind: 'copier' | 'filter' | 'splitter' | 'sharder' | 'worker';
  /** Where each branch leads. */
  readonly outputs: Readonly<Record<string, Target<To>>>;
  /** The reasons for which it filters: no others are counted. */
  readonly reasons: readonly string[];
  /** How events come to it: sent to its queue, or published on the bus, from where a rule brings them to its queue. */
  readonly via: 'queue' | 'bus';
  /** What does not wait behind the rest: such events have a queue of their own. */
  readonly urgent?: (event: PipelineEvent) => boolean;
  /**
   * Without effects and, for one event, always the same: it runs at least once.
   *
   * @param attempt How often the event was delivered to the stage, this time included.
   * @throws `PermanentFailure` when another attempt would fail as well; anything else is tried again.
   */
  readonly decide: (event: PipelineEvent, attempt: number) => Decision | Promise<Decision>;
}

/** Brings the branches that lead to it together: what comes out keeps the order of each key. */
export interface MergerStage {
  readonly kind: 'merger';
}

export type Stage<To extends string = string> = Step<To> | MergerStage;

/** Of every pipeline the stage before its first, which takes events in and numbers them. */
export const ACCEPT = 'accept';

import { partialBatch, type PartialBatchAnswer } from '#batch/partial-batch';
import { parseMessage, type Parsed } from '#batch/message';
import { jitteredPause } from '#batch/pause';
import { retryLater, type Backoff } from '#batch/work-queue/retry-later';
import { sendAll } from '#batch/work-queue/send';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { sizeFault } from './event-size.ts';
import { intake } from './intake.ts';
import { ledger, type Ledger } from './ledger.ts';
import { merge } from './merge.ts';
import { listMessage, type ListMessage } from './messages.ts';
import { readOutput, type OutputPage } from './output.ts';
import type { Outlets } from './outlets.ts';
import type { Pipeline } from './pipeline.ts';
import { readProgress, type PipelineProgress } from './progress.ts';
import { digest } from './records.ts';
import { stageRunner } from './stage.ts';
import type { PipelineEvent } from './types.ts';

export interface EventDrivenOptions {
  readonly pipelines: readonly Pipeline[];
  readonly table: Table;
  /** A FIFO queue: lists of events, of all pipelines. */
  readonly lists: Queue;
  readonly outlets: Outlets;
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** As in the redrive policy of the stages' queues: at this receive a failure is final. 1..1000. */
  readonly maxReceiveCount: number;
  /** How long an event that failed is put off. 1 s doubling up to a minute unless told. */
  readonly backoff?: Backoff;
  /** How long markers and outputs are kept. At least 15 days: longer than any redelivery. */
  readonly keepMs: number;
  /** Where it is recorded what stages decide; unless told in `table`. */
  readonly ledger?: Ledger;
}

export interface EventDriven {
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  /** Accepts a list of events: durable when it resolves. `listId` names it: a repeat within five minutes is dropped. */
  submit(pipeline: string, listId: string, events: readonly PipelineEvent[], trace?: string): Promise<void>;
  /** Undefined when there is no such pipeline. Likewise of the others. */
  progress(pipeline: string): Promise<PipelineProgress | undefined>;
  /** `bad-cursor` for a cursor that was not made here. */
  output(pipeline: string, cursor?: string): Promise<OutputPage | 'bad-cursor' | undefined>;
  /** Deals with messages of the queue of lists. */
  takeIn(messages: readonly ReceivedMessage[], timeMs: number): Promise<PartialBatchAnswer>;
  /** Deals with messages of the queues of stages. `source` is where they came from: what failed is put off there. */
  runStage(messages: readonly ReceivedMessage[], source?: Queue): Promise<PartialBatchAnswer>;
  /** Deals with messages of the mergers' queue. */
  merge(messages: readonly ReceivedMessage[], timeMs: number): Promise<PartialBatchAnswer>;
  /** Deals with messages that a stage's queue gave up. */
  end(messages: readonly ReceivedMessage[]): Promise<PartialBatchAnswer>;
}

const DAY_MS = 24 * 3_600_000;
const KEEP_AT_LEAST_MS = 15 * DAY_MS;
const MAX_VISIBILITY_MS = 43_200_000;
const DEFAULT_BACKOFF: Backoff = { baseMs: 1_000, limitMs: 60_000 };
/** A FIFO queue has its group wait with what failed: shorter than a visibility timeout. */
const AGAIN_MS = 1_000;
const NAMES = [
  'pipelines',
  'table',
  'lists',
  'outlets',
  'deadLetters',
  'clock',
  'random',
  'log',
  'maxReceiveCount',
  'backoff',
  'keepMs',
  'ledger',
];

const validate = ({ backoff = DEFAULT_BACKOFF, ...options }: EventDrivenOptions): void => {
  checkNames(options, NAMES);
  checkInteger('maxReceiveCount', options.maxReceiveCount, 1, 1_000);
  checkInteger('keepMs', options.keepMs, KEEP_AT_LEAST_MS, Number.MAX_SAFE_INTEGER);
  checkInteger('backoff.baseMs', backoff.baseMs, 1, MAX_VISIBILITY_MS);
  checkInteger('backoff.limitMs', backoff.limitMs, backoff.baseMs, MAX_VISIBILITY_MS);
  const names = options.pipelines.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw refuse('pipelines', 'of different names', names.join(', '));
};

/** Why a list is not taken in. An event that is too large would hold up all that is recorded together with it. */
const faultOf = (parsed: Parsed<ListMessage>, pipeline: Pipeline | undefined): string | undefined => {
  if (!parsed.ok) return parsed.reason;
  const { pipeline: name, events } = parsed.value;
  if (pipeline === undefined) return `invalid message: there is no pipeline '${name}'`;
  const faults = events.map((event) => sizeFault(pipeline, event));
  const at = faults.findIndex((fault) => fault !== undefined);
  return at === -1 ? undefined : `invalid message: events.${at}: ${faults[at]}`;
};

/**
 * Event-driven batch: pipelines of copiers, filters, splitters, sharders, workers and mergers, linked by queues and a
 * bus. What was accepted goes out, is counted as filtered with a reason, or is a dead letter with a reason; each once,
 * whatever crashes, comes twice or is lost on the way of an answer.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 12
 */
export const eventDriven = (options: EventDrivenOptions): EventDriven => {
  validate(options);
  const { table, lists, outlets, deadLetters, clock, random, log, keepMs, backoff = DEFAULT_BACKOFF } = options;
  const pipelines = new Map(options.pipelines.map((each) => [each.name, each]));
  const pause = jitteredPause(options);
  const stages = stageRunner({
    pipelines,
    ledger: options.ledger ?? ledger({ table, clock, random, pause, keepMs }),
    outlets,
    deadLetters,
    random,
    log,
    pause,
    maxReceiveCount: options.maxReceiveCount,
    backoff,
  });
  // Ids are known for twice as long as markers: an id is not taken for new while a marker of it is left.
  const accept = intake({ table, outlets, clock, random, pause, keepMs: 2 * keepMs });
  const mergeAll = merge({ pipelines, table, clock, log, pause, keepMs, bury: stages.bury });

  const timer = (timeMs: number): (() => boolean) => {
    const endsAtMs = clock.monotonicMs() + timeMs;
    return () => clock.monotonicMs() >= endsAtMs;
  };
  const soonAgain = async (queue: Queue, messages: readonly ReceivedMessage[], answer: PartialBatchAnswer) => {
    const ids = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const again = messages.filter(({ id }) => ids.has(id));
    await retryLater(
      queue,
      again.map((message) => ({ message, delayMs: AGAIN_MS })),
    );
    return answer;
  };

  /** Gives false when the message has to come again. */
  const takeInOne = async (message: ReceivedMessage, isOver: () => boolean): Promise<boolean> => {
    const parsed = parseMessage<ListMessage>(listMessage, message.body);
    const pipeline = parsed.ok ? pipelines.get(parsed.value.pipeline) : undefined;
    const reason = faultOf(parsed, pipeline);
    if (parsed.ok && pipeline !== undefined && reason === undefined)
      return accept(pipeline, parsed.value, message.id, isOver);
    log.warn('list refused', { message: message.id, reason });
    return (await stages.bury([{ message, reason: reason ?? '' }])).length === 0;
  };

  return Object.freeze<EventDriven>({
    pipelines,
    submit: async (pipeline, listId, events, trace) => {
      const body = JSON.stringify({ pipeline, events, ...(trace === undefined ? {} : { trace }) });
      await sendAll(lists, [{ body, groupId: pipeline, deduplicationId: digest(listId) }], pause);
    },
    progress: async (name) => {
      const pipeline = pipelines.get(name);
      return pipeline === undefined ? undefined : readProgress(table, pipeline, pause);
    },
    output: async (name, cursor) => {
      if (pipelines.get(name)?.merger === undefined) return undefined;
      return (await readOutput(table, name, cursor, pause)) ?? 'bad-cursor';
    },
    takeIn: async (messages, timeMs) => {
      const isOver = timer(timeMs);
      // One after the other: the order of lists is that of their messages.
      const answer = await partialBatch(
        messages,
        async (message) => {
          if (!(await takeInOne(message, isOver))) throw new Error('there is a rest');
        },
        {
          concurrency: 1,
          onFailure: ({ id }, error) => log.warn('list not taken in whole, it will come again', { message: id, error }),
        },
      );
      return soonAgain(lists, messages, answer);
    },
    runStage: stages.run,
    merge: async (messages, timeMs) => soonAgain(outlets.merges, messages, await mergeAll(messages, timer(timeMs))),
    end: stages.end,
  });
};

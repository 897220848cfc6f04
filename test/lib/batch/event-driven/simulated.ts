import { messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import { eventDriven, type EventDriven } from '#batch/event-driven/event-driven';
import { ledger, type Ledger } from '#batch/event-driven/ledger';
import { busType, SOURCE, type Outlets } from '#batch/event-driven/outlets';
import { stepOf, type Pipeline } from '#batch/event-driven/pipeline';
import { conservationProblems } from '#batch/event-driven/progress';
import type { OutputEvent } from '#batch/event-driven/output';
import type { PipelineEvent } from '#batch/event-driven/types';
import { jitteredPause } from '#batch/pause';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Table } from '#primitives/table';
import { holdAll, lost, outOfOrder, twice, unexpected } from '#simulation/checkers';
import type { InvocationContext } from '#simulation/function-host';
import { outside } from '#simulation/processes';
import type { World } from '#simulation/world';
import { quiet } from '../work-queue/world.ts';

const KEEP_MS = 30 * 24 * 3_600_000;
const VISIBILITY_MS = 30_000;
const TIMEOUT_MS = 5_000;

interface Delivered extends SqsEvent {
  readonly Records: readonly (SqsEvent['Records'][number] & { readonly eventSourceARN: string })[];
}

/** What a wrong implementation puts in the place of a right one. */
export interface Planted {
  readonly ledger?: (right: Ledger, table: Table) => Ledger;
  readonly merge?: (table: Table) => (messages: readonly ReceivedMessage[]) => Promise<PartialBatchAnswer>;
}

export interface SimulatedOptions {
  readonly pipelines: readonly Pipeline[];
  readonly maxReceiveCount: number;
  readonly planted?: Planted;
  /** Stages that are not fed, until they are told to be. */
  readonly stalled?: readonly string[];
}

/** Pipelines with all their queues, their bus and the one function, as the template wires them, in a simulated world. */
export const pipelinesIn = (w: World, options: SimulatedOptions) => {
  const { pipelines, maxReceiveCount, planted = {}, stalled = [] } = options;
  const { clock, random } = w;
  const table = w.table('pipelines');
  const deadLetters = w.queue('dead-letters');
  const queueWith = (name: string, queue: Queue, receives: number): Queue =>
    w.queue(name, { visibilityMs: VISIBILITY_MS, deadLetter: { queue, maxReceiveCount: receives } });
  const undeliverable = queueWith('undeliverable', deadLetters, 1_000);
  const givenUp = w.queue('given-up.fifo');
  const lists = queueWith('events.fifo', givenUp, 1_000);
  const merges = queueWith('merges.fifo', givenUp, 1_000);
  const bus = w.bus('bus');
  const queues = new Map<string, Queue>();
  const queueName = (pipeline: string, stage: string, urgent: boolean): string =>
    `${pipeline}-${stage}${urgent ? '-urgent' : ''}`;
  for (const pipeline of pipelines) {
    for (const stage of pipeline.order) {
      const step = stepOf(pipeline, stage);
      if (step === undefined) continue;
      for (const urgent of step.urgent === undefined ? [false] : [false, true]) {
        const name = queueName(pipeline.name, stage, urgent);
        queues.set(name, queueWith(name, undeliverable, maxReceiveCount));
      }
      if (step.via === 'queue') continue;
      // What a rule does is the platform's: it is not lost with who published.
      bus.subscribe(({ source, type, detail }) => {
        if (source !== SOURCE || type !== busType(pipeline.name, stage)) return;
        const body = JSON.stringify(detail);
        return outside(
          async () => void (await queues.get(queueName(pipeline.name, stage, false))?.sendBatch([{ body }])),
        );
      });
    }
  }
  const outlets: Outlets = {
    queueOf: (pipeline, stage, urgent) => {
      const queue = queues.get(queueName(pipeline, stage, urgent));
      if (queue === undefined) throw new Error(`There is no queue for ${pipeline}.${stage}.`);
      return queue;
    },
    merges,
    bus,
  };
  const make = (): EventDriven =>
    eventDriven({
      pipelines,
      table,
      lists,
      outlets,
      deadLetters,
      clock,
      random,
      log: quiet,
      maxReceiveCount,
      keepMs: KEEP_MS,
      backoff: { baseMs: 1_000, limitMs: VISIBILITY_MS },
      ...(planted.ledger === undefined
        ? {}
        : {
            ledger: planted.ledger(ledger({ table, clock, random, pause: jitteredPause(w), keepMs: KEEP_MS }), table),
          }),
    });

  const stage = w.function({
    name: 'stage',
    timeoutMs: TIMEOUT_MS,
    boot: () => {
      const batch = make();
      const merge = planted.merge?.(table);
      return (event: Delivered, context: InvocationContext) => {
        const messages = messagesOf(event);
        const name = event.Records[0]?.eventSourceARN.split(':').at(-1) ?? '';
        const timeMs = context.getRemainingTimeInMillis() / 2;
        if (name === lists.name) return batch.takeIn(messages, timeMs);
        if (name === merges.name) return merge === undefined ? batch.merge(messages, timeMs) : merge(messages);
        if (name === undeliverable.name) return batch.end(messages);
        return batch.runStage(messages, queues.get(name));
      };
    },
  });
  const feed = (queue: Queue, batchSize = 10, maximumConcurrency = 2): void =>
    w.source({ queue, function: stage, batchSize, maximumConcurrency });
  const isStalled = (name: string): boolean => stalled.includes(name);
  for (const [name, queue] of queues) if (!isStalled(name)) feed(queue, 10, name.endsWith('-urgent') ? 4 : 2);
  feed(lists, 1);
  if (!isStalled('merge')) feed(merges);
  feed(undeliverable);

  const api = make();
  return {
    api,
    table,
    bus,
    lists,
    queues,
    deadLetters,
    givenUp,
    outlets,
    /** Feeds a stage that was stalled. */
    resume: (name: string): void => {
      const queue = name === 'merge' ? merges : queues.get(name);
      if (queue !== undefined) feed(queue);
    },
    submit: (pipeline: string, listId: string, events: readonly PipelineEvent[]): Promise<void> =>
      w.client(() => api.submit(pipeline, listId, events)),
  };
};
export type SimulatedPipelines = ReturnType<typeof pipelinesIn>;

export const outputOf = async (
  w: World,
  { api }: SimulatedPipelines,
  name: string,
): Promise<readonly OutputEvent[]> => {
  const events: OutputEvent[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await w.until(api.output(name, cursor));
    if (page === undefined || page === 'bad-cursor') throw new Error(`No output of ${name}.`);
    events.push(...page.events);
    ({ cursor } = page);
    if (!page.more) return events;
  }
};

const receiveAll = async (w: World, queue: Queue): Promise<readonly ReceivedMessage[]> => {
  const all: ReceivedMessage[] = [];
  for (;;) {
    const page = await w.until(queue.receive({ maxCount: 10 }));
    if (page.length === 0) return all;
    all.push(...page);
  }
};
const idIn = ({ body }: ReceivedMessage): string =>
  (JSON.parse(body) as { readonly event: { readonly id: string } }).event.id;

/** What should become of the events of a pipeline. */
export interface Expected {
  readonly pipeline: Pipeline;
  readonly events: readonly PipelineEvent[];
  readonly isFiltered: (event: PipelineEvent) => string | undefined;
  /** Some of the dead are dead by their own fault; others die when faults are many. */
  readonly isPoison: (event: PipelineEvent) => boolean;
}

/** What must hold at the end: everything is accounted for, once; what came out is in order; letters have reasons. */
export const holdEnd = async (w: World, place: SimulatedPipelines, expected: Expected): Promise<void> => {
  const { pipeline, events } = expected;
  const progress = await w.until(place.api.progress(pipeline.name));
  if (progress === undefined) throw new Error('No progress.');
  const out = await outputOf(w, place, pipeline.name);
  const letters = await receiveAll(w, place.deadLetters);
  const dead = new Set(letters.map(idIn));
  const ids = new Set(events.map(({ id }) => id));
  const reasons = new Map<string, number>();
  const should: string[] = [];
  for (const id of ids) {
    const event = events.find((each) => each.id === id);
    const reason = event === undefined ? undefined : expected.isFiltered(event);
    // An event that was dead before its filter was asked is not counted by it.
    if (dead.has(id)) continue;
    if (reason === undefined) should.push(id);
    else reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  const filtered: Record<string, number> = {};
  for (const stage of progress.stages)
    for (const [reason, count] of Object.entries(stage.filtered)) filtered[reason] = (filtered[reason] ?? 0) + count;
  const seen = out.map(({ id }) => id);
  const poison = [...new Set(events.filter(expected.isPoison).map(({ id }) => id))];
  const deadCount = progress.stages.reduce((sum, { deadLettered }) => sum + deadLettered, 0);
  holdAll(
    conservationProblems(pipeline, progress, true),
    progress.accepted === ids.size ? [] : [`accepted ${progress.accepted} of ${ids.size}`],
    [...lost(should, seen), ...unexpected(should, seen), ...twice(seen)].map((problem) => `output ${problem}`),
    outOfOrder(out.map(({ key, seq }) => ({ group: key, step: seq }))),
    Object.keys(filtered).length === reasons.size && [...reasons].every(([reason, count]) => filtered[reason] === count)
      ? []
      : [`filtered ${JSON.stringify(filtered)} instead of ${JSON.stringify([...reasons])}`],
    lost(poison, dead).map((problem) => `dead letter ${problem}`),
    deadCount === dead.size ? [] : [`${deadCount} dead letters counted, ${dead.size} are there`],
    letters.filter(({ attributes }) => !attributes['reason']).map(({ id }) => `no reason in dead letter ${id}`),
    (await receiveAll(w, place.givenUp)).map(({ body }) => `given up: ${body}`),
  );
};

/** Reads the counts after every so many writes of the table: they must add up whenever they are read. */
export const watchCounts = (
  w: World,
  place: SimulatedPipelines,
  pipeline: Pipeline,
  every: number,
): { count(): number } => {
  let writes = 0;
  let reads = 0;
  w.watch(async ({ name }) => {
    if (name !== 'pipelines') return;
    writes += 1;
    if (writes % every !== 0) return;
    const progress = await place.api.progress(pipeline.name);
    if (progress === undefined) return;
    reads += 1;
    holdAll(conservationProblems(pipeline, progress));
  });
  return { count: () => reads };
};

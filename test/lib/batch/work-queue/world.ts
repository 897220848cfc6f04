import { partialBatch } from '#batch/partial-batch';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { bury } from '#batch/work-queue/bury';
import { buryPlan } from '#batch/work-queue/bury-plan';
import { planner, type PlannerOptions } from '#batch/work-queue/planner';
import { recordWorker } from '#batch/work-queue/record-worker';
import { redrive, type RedriveRoute } from '#batch/work-queue/redrive';
import { redriveStarter } from '#batch/work-queue/redrive-start';
import type { Worker } from '#batch/work-queue/types';
import { workQueue } from '#batch/work-queue/work-queue';
import type { Clock } from '#primitives/clock';
import type { Json } from '#primitives/table';
import type { Log } from '#primitives/log';
import { memoryClock } from '#primitives/memory/clock';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept } from '#primitives/memory/wire';
import { systemClock } from '#primitives/system-clock';
import type { Objects } from '#primitives/objects';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { PartialBatchAnswer } from '#batch/partial-batch';

const KEEP_MS = 30 * 24 * 3_600_000;
const VISIBILITY_MS = 30_000;
export const MAX_RECEIVE_COUNT = 5;
const MAX_PLAN_COUNT = 20;
export const CANCEL_CACHE_MS = 2_000;

export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

const realClock = {
  ...systemClock(),
  until: <T>(work: Promise<T>): Promise<T> => work,
  advance: (): Promise<void> => Promise.resolve(),
};

type Handle = (messages: readonly ReceivedMessage[]) => Promise<PartialBatchAnswer>;

/**
 * One account in memory with all of the work queue in it, and a driver that does what the event sources do. A handler
 * that rejects has crashed: its batch comes again.
 */
export const world = (
  options: {
    readonly intercept?: Intercept;
    readonly workers?: readonly Worker[];
    readonly worker?: (clock: Clock) => Worker<Json>;
    readonly seed?: number;
    readonly media?: Objects;
    /** For workers whose work takes real time, e.g. in a thread of its own. */
    readonly isRealTime?: boolean;
    readonly planMs?: number;
    readonly redriveMs?: number;
    /** Messages of ordered jobs in one batch. As in the template unless told: 1. */
    readonly orderedBatch?: number;
    readonly onStep?: () => Promise<void>;
    readonly sourceOf?: PlannerOptions['sourceOf'];
  } = {},
) => {
  const clock = options.isRealTime === true ? realClock : memoryClock();
  const random = seededRandom(options.seed ?? 1);
  const wire = memoryWire(options.intercept === undefined ? {} : { intercept: options.intercept });
  const table = (name: string) => memoryTable({ name, clock, wire });
  const queue = (name: string, deadLetter?: { readonly queue: Queue; readonly maxReceiveCount: number }) =>
    memoryQueue({
      name,
      clock,
      wire,
      visibilityMs: VISIBILITY_MS,
      ...(deadLetter === undefined ? {} : { deadLetter }),
    });

  const jobs = table('jobs');
  const effects = table('effects');
  const media = options.media ?? memoryObjects({ name: 'media', wire });
  const plansDead = queue('plans-dead');
  const plansLost = queue('plans-undeliverable', { queue: plansDead, maxReceiveCount: 1_000 });
  const plans = queue('plans', { queue: plansLost, maxReceiveCount: MAX_PLAN_COUNT });
  const dead = queue('dead');
  const lost = queue('undeliverable', { queue: dead, maxReceiveCount: 1_000 });
  const items = queue('items', { queue: lost, maxReceiveCount: MAX_RECEIVE_COUNT });
  const urgent = queue('items-high', { queue: lost, maxReceiveCount: MAX_RECEIVE_COUNT });
  const orderedDead = queue('ordered-dead.fifo');
  const orderedLost = queue('ordered-undeliverable.fifo', { queue: orderedDead, maxReceiveCount: 1_000 });
  const ordered = queue('ordered.fifo', { queue: orderedLost, maxReceiveCount: MAX_RECEIVE_COUNT });
  const redrivesDead = queue('redrives-dead');
  const redrives = queue('redrives', { queue: redrivesDead, maxReceiveCount: 1_000 });
  const routes: readonly RedriveRoute[] = [
    { of: 'plans', from: plansDead, to: plans },
    { of: 'items', from: dead, to: items, urgentTo: urgent },
    { of: 'items', from: orderedDead, to: ordered, ordered: true },
  ];

  const common = { jobs, effects, clock, random, log: quiet, keepMs: KEEP_MS };
  const plan = planner({
    ...common,
    items,
    urgentItems: urgent,
    orderedItems: ordered,
    plans,
    deadLetters: plansDead,
    sourceOf: options.sourceOf ?? (({ prefix }) => bucketSource({ objects: media, prefix })),
  });
  const workerOf = (source: Queue, undeliverable: Queue, isOrdered: boolean) =>
    batchWorker({
      ...common,
      source,
      undeliverable,
      ordered: isOrdered,
      workers: options.workers ?? [options.worker?.(clock) ?? recordWorker({ clock, misbehaves: true })],
      maxReceiveCount: MAX_RECEIVE_COUNT,
      leaseMs: VISIBILITY_MS,
      cancelCacheMs: CANCEL_CACHE_MS,
    });
  const work = workerOf(items, lost, false);
  const workInOrder = workerOf(ordered, orderedLost, true);
  const end = bury({ ...common, deadLetters: dead, maxReceiveCount: MAX_RECEIVE_COUNT });
  const endInOrder = bury({
    ...common,
    deadLetters: orderedDead,
    maxReceiveCount: MAX_RECEIVE_COUNT,
    ordered: true,
  });
  const endPlan = buryPlan({ ...common, deadLetters: plansDead, maxReceiveCount: MAX_PLAN_COUNT });
  const move = redrive({ ...common, routes, redrives, deadLetters: redrivesDead });
  const startRedrive = redriveStarter({ routes, redrives, clock, random });

  const one =
    (handle: (message: ReceivedMessage) => Promise<void>): Handle =>
    (messages) =>
      partialBatch(messages, handle, { concurrency: 1 });
  const handlers: readonly (readonly [Queue, number, Handle])[] = [
    [plans, 1, one((message) => plan(message, options.planMs ?? 5_000))],
    [plansLost, 1, one(endPlan)],
    [items, 10, (messages) => work(messages, 8_000)],
    [urgent, 10, (messages) => work(messages, 8_000, urgent)],
    [ordered, options.orderedBatch ?? 1, (messages) => workInOrder(messages, 8_000)],
    [lost, 10, one(end)],
    [orderedLost, 10, one(endInOrder)],
    [redrives, 1, one((message) => move(message, options.redriveMs ?? 5_000))],
  ];

  /** Receives once, calls the function, deletes what it did not report. False when there was nothing. */
  const poll = async ([source, maxCount, handle]: (typeof handlers)[number]): Promise<boolean> => {
    const messages = await source.receive({ maxCount });
    if (messages.length === 0) return false;
    const answer = await handle(messages).catch(() => undefined);
    if (answer === undefined) return true;
    const failed = new Set(answer.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const receipts = messages.filter(({ id }) => !failed.has(id)).map(({ receipt }) => receipt);
    if (receipts.length > 0) await source.deleteBatch(receipts).catch(() => undefined);
    return true;
  };

  /** Lets every event source poll once, without waiting for what is hidden. */
  const step = async (): Promise<void> => {
    for (const handler of handlers) await clock.until(poll(handler));
  };

  const pollOnly = async (source: Queue): Promise<void> => {
    for (const handler of handlers.filter(([each]) => each === source)) await clock.until(poll(handler));
  };

  /** Drives all event sources until nothing is left in their queues. */
  const drain = async (): Promise<void> => {
    for (let rounds = 0; rounds < 5_000; rounds += 1) {
      let isBusy = false;
      for (const handler of handlers) {
        isBusy = (await clock.until(poll(handler).catch(() => true))) || isBusy;
        await options.onStep?.();
      }
      if (isBusy) continue;
      const depths = await Promise.all(handlers.map(([source]) => source.depth().catch(() => undefined)));
      if (
        depths.every(
          (depth) => depth !== undefined && depth.visibleCount + depth.inFlightCount + depth.delayedCount === 0,
        )
      )
        return;
      await clock.advance(VISIBILITY_MS + 1);
    }
    throw new Error('The queues were never empty.');
  };

  const api = workQueue({ jobs, effects, plans, clock, random, keepMs: KEEP_MS });
  const allResults = async (jobId: string) => {
    const results = [];
    let cursor: string | undefined;
    do {
      const page = await api.results(jobId, cursor);
      if (page === undefined) throw new Error('No page.');
      results.push(...page.results);
      ({ cursor } = page);
    } while (cursor !== undefined);
    return results;
  };
  const deadLetters = async (from = dead) => {
    const letters: ReceivedMessage[] = [];
    for (
      let page = await from.receive({ maxCount: 10 });
      page.length > 0;
      page = await from.receive({ maxCount: 10 })
    ) {
      letters.push(...page);
    }
    return letters;
  };

  return {
    api,
    plan,
    clock,
    wire,
    jobs,
    effects,
    media,
    plans,
    plansDead,
    items,
    urgent,
    ordered,
    orderedDead,
    dead,
    lost,
    redrives,
    redrivesDead,
    startRedrive,
    drain,
    step,
    workOnly: () => pollOnly(items),
    redriveOnly: () => pollOnly(redrives),
    buryOnly: () => pollOnly(lost),
    allResults,
    deadLetters,
  };
};

export const someItems = (count: number, payload: (index: number) => object | null = () => null) =>
  Array.from({ length: count }, (_, index) => ({ id: `item-${index}`, payload: payload(index) as never }));

/** The id in the body of an item's message. */
export const itemIdOf = ({ body }: { readonly body: string }): string =>
  (JSON.parse(body) as { readonly id: string }).id;

/** An order for texts. */
export const byText = (a = '', b = ''): number => (a < b ? -1 : Number(a > b));

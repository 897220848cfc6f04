import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { bury } from '#batch/work-queue/bury';
import { buryPlan } from '#batch/work-queue/bury-plan';
import { planner } from '#batch/work-queue/planner';
import { recordWorker } from '#batch/work-queue/record-worker';
import { redrive, type RedriveRoute } from '#batch/work-queue/redrive';
import { redriveStarter } from '#batch/work-queue/redrive-start';
import type { Worker } from '#batch/work-queue/types';
import { workQueue } from '#batch/work-queue/work-queue';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Json } from '#primitives/table';
import type { InvocationContext } from '#simulation/function-host';
import type { World } from '#simulation/world';
import { quiet } from './world.ts';

const KEEP_MS = 30 * 24 * 3_600_000;
const VISIBILITY_MS = 30_000;
const TIMEOUT_MS = 5_000;
const RECORDING_MS = 1_500;
const MAX_PLAN_COUNT = 20;

export interface SimulatedOptions {
  /** Of items. More than a run has faults, so that what ends as dead letter is what fails by itself. */
  readonly maxReceiveCount: number;
  /** 0: the planner leaves the rest to another message wherever it can. */
  readonly planMs: number;
  /** What the workers get instead of their messages: for wrong ones that the checkers must catch. */
  readonly plant?: (message: ReceivedMessage) => ReceivedMessage;
}

type Consume = (messages: readonly ReceivedMessage[], timeMs: number) => Promise<unknown>;

/** What becomes of an item is in its id: of every ten the fifth never succeeds, the eighth not at once. */
const payloadOf = (id: string): Json =>
  id.endsWith('4') ? { fail: 'always' } : id.endsWith('7') ? { fail: 'once' } : { id };
export const isPoison = (id: string): boolean => id.endsWith('4');

/** The work queue with all its functions, as the template wires it, in a simulated world. */
export const workQueueIn = (w: World, { maxReceiveCount, planMs, plant }: SimulatedOptions) => {
  const { clock, random } = w;
  const [jobs, effects, media] = [w.table('jobs'), w.table('effects'), w.bucket('media')];
  const queue = (name: string, deadLetter: Queue, receives = 1_000): Queue =>
    w.queue(name, { visibilityMs: VISIBILITY_MS, deadLetter: { queue: deadLetter, maxReceiveCount: receives } });
  const plansDead = w.queue('plans-dead-letters');
  const plansLost = queue('plans-undeliverable', plansDead);
  const plans = queue('plans', plansLost, MAX_PLAN_COUNT);
  const dead = w.queue('dead-letters');
  const lost = queue('undeliverable', dead);
  const items = queue('items', lost, maxReceiveCount);
  const urgent = queue('items-high', lost, maxReceiveCount);
  const orderedDead = w.queue('ordered-dead-letters.fifo');
  const orderedLost = queue('ordered-undeliverable.fifo', orderedDead);
  const ordered = queue('ordered.fifo', orderedLost, maxReceiveCount);
  const redrivesDead = w.queue('redrives-dead-letters');
  const redrives = queue('redrives', redrivesDead);
  const routes: readonly RedriveRoute[] = [
    { of: 'plans', from: plansDead, to: plans },
    { of: 'items', from: dead, to: items, urgentTo: urgent },
    { of: 'items', from: orderedDead, to: ordered, ordered: true },
  ];
  const common = { jobs, effects, clock, random, log: quiet, keepMs: KEEP_MS };

  const begun = new Set<string>();
  let isMended = false;
  const record = recordWorker({ clock, misbehaves: true });
  const worker: Worker<Json> = {
    ...record,
    run: (item, how) => {
      begun.add(how.effectKey);
      return record.run({ ...item, payload: isMended ? { id: item.id } : payloadOf(item.id) }, how);
    },
  };
  const feed = (name: string, source: Queue, batchSize: number, boot: () => Consume): void => {
    const handler = () => {
      const consume = boot();
      return (event: SqsEvent, context: InvocationContext) =>
        consume(messagesOf(event), context.getRemainingTimeInMillis() - RECORDING_MS);
    };
    w.source({ queue: source, batchSize, function: w.function({ name, timeoutMs: TIMEOUT_MS, boot: handler }) });
  };
  const each = (handle: (message: ReceivedMessage, timeMs: number) => Promise<void>): Consume => {
    return (messages, timeMs) => partialBatch(messages, (message) => handle(message, timeMs), { concurrency: 1 });
  };

  const sourceOf = ({ prefix }: { readonly prefix: string }) => bucketSource({ objects: media, prefix });
  feed('planner', plans, 1, () => {
    const queues = { items, urgentItems: urgent, orderedItems: ordered, plans, deadLetters: plansDead };
    const plan = planner({ ...common, ...queues, sourceOf });
    return each((message) => plan(message, planMs));
  });
  feed('bury-plan', plansLost, 1, () =>
    each(buryPlan({ ...common, deadLetters: plansDead, maxReceiveCount: MAX_PLAN_COUNT })),
  );
  const feedWorker = (name: string, source: Queue, undeliverable: Queue, batchSize: number, isOrdered: boolean) =>
    feed(name, source, batchSize, () => {
      const own = { source, undeliverable, ordered: isOrdered, workers: [worker] };
      const work = batchWorker({ ...common, ...own, maxReceiveCount, leaseMs: VISIBILITY_MS });
      return plant === undefined ? work : (messages, timeMs) => work(messages.map(plant), timeMs);
    });
  feedWorker('worker', items, lost, 10, false);
  feedWorker('urgent-worker', urgent, lost, 10, false);
  // One at a time: what stands behind a failed item must not be received as often as it.
  feedWorker('ordered-worker', ordered, orderedLost, 1, true);
  feed('bury', lost, 10, () => each(bury({ ...common, deadLetters: dead, maxReceiveCount })));
  feed('ordered-bury', orderedLost, 10, () =>
    each(bury({ ...common, deadLetters: orderedDead, maxReceiveCount, ordered: true })),
  );
  feed('redrive', redrives, 1, () => {
    const move = redrive({ ...common, routes, redrives, deadLetters: redrivesDead });
    return each((message) => move(message, TIMEOUT_MS / 2));
  });

  return {
    api: workQueue({ jobs, effects, plans, clock, random, keepMs: KEEP_MS }),
    startRedrive: redriveStarter({ routes, redrives, clock, random }),
    effects,
    /** By `<jobId>/<id>`: what a worker has begun, done or not. */
    begun,
    media,
    /** Where items end that cannot be done, and where nothing may end. */
    dead: [dead, orderedDead],
    neverUsed: [plansDead, redrivesDead],
    /** From now on no item fails. */
    mend: () => {
      isMended = true;
    },
  };
};

export type SimulatedWorkQueue = ReturnType<typeof workQueueIn>;

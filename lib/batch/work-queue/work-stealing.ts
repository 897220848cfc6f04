import type { PartialBatchAnswer } from '#batch/partial-batch';
import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';

export interface WorkStealingOptions {
  /** Standard queues, 2..100, each with workers of its own. */
  readonly shards: readonly Queue[];
  /**
   * Does the work of a batch and names the messages that have to come again: a {@link batchWorker}, whose markers keep
   * the effect of a message one, whoever takes it how often.
   *
   * @param source The shard that they come from: what puts messages off has to do it there.
   */
  readonly work: (messages: readonly ReceivedMessage[], source: Queue) => Promise<PartialBatchAnswer>;
  readonly clock: Clock;
  readonly log: Log;
  /** Messages taken at a time. 1..10; 10 unless told. */
  readonly maxCount?: number;
  /** So many have to wait in another shard that it is worth to take some. 1..1_000_000; as `maxCount` unless told. */
  readonly stealFromCount?: number;
  /** For how long the depths of the others are believed. 0..60_000 ms; 1_000 unless told. */
  readonly depthsForMs?: number;
}

export type Turn = 'worked' | 'stole' | 'idle';

export interface WorkStealing {
  /**
   * One turn of a worker of a shard: takes a batch of its own, or, when there is none, of the fullest other. Rejects
   * when a queue or `work` does: the messages come again.
   *
   * API calls of the queues: 2 with work of its own (receive, delete), 3 with another's, and a look at each other shard
   * once in `depthsForMs` while there is none.
   */
  turn(shard: number): Promise<Turn>;
  /**
   * Takes turns until the signal is aborted; what was begun is ended first. Waits `idleMs` after one without work or
   * with an error, which is logged.
   */
  run(shard: number, options: { readonly idleMs: number; readonly signal: AbortSignal }): Promise<void>;
}

const IDLE_LIMIT_MS = 60_000;

/**
 * The shard to steal from: the fullest but the own one, the first of equals; undefined when none is full enough.
 *
 * @param depths How many wait, by shard; undefined where nobody knows.
 */
export const fullestOther = (
  depths: readonly (number | undefined)[],
  own: number,
  fromCount: number,
): number | undefined => {
  let [fullest, most]: [number | undefined, number] = [undefined, Math.max(1, fromCount) - 1];
  for (const [index, depth = 0] of depths.entries()) {
    if (index === own || depth <= most) continue;
    [fullest, most] = [index, depth];
  }
  return fullest;
};

const less = (depths: readonly (number | undefined)[], at: number, count: number) =>
  depths.map((depth, index) => (index === at && depth !== undefined ? depth - count : depth));

const checked = (options: WorkStealingOptions) => {
  const { shards, maxCount = 10, stealFromCount = maxCount, depthsForMs = 1_000 } = options;
  checkNames(options, ['shards', 'work', 'clock', 'log', 'maxCount', 'stealFromCount', 'depthsForMs']);
  checkInteger('shards', shards.length, 2, 100);
  const fifo = shards.find(({ name }) => name.endsWith('.fifo'));
  // Two workers in one group would end its order.
  if (fifo !== undefined) throw refuse('shards', 'standard queues', fifo.name);
  checkInteger('maxCount', maxCount, 1, 10);
  checkInteger('stealFromCount', stealFromCount, 1, 1_000_000);
  checkInteger('depthsForMs', depthsForMs, 0, 60_000);
  return { maxCount, stealFromCount, depthsForMs };
};

/**
 * Shard queues, each with its workers, of whom an idle one helps where most waits. Taking from another shard is receiving
 * from its queue like its own workers do, so nothing changes hands: what a thief does not end comes again there. Delivery
 * stays at least once and the effect one; a message is deleted only when it was done, from the queue that it came from.
 *
 * @throws {@link InvalidArgumentError} when an option is out of range, or a shard is a FIFO queue
 */
export const workStealing = (options: WorkStealingOptions): WorkStealing => {
  const { maxCount, stealFromCount, depthsForMs } = checked(options);
  const { shards, work, clock, log } = options;
  let known: { readonly depths: readonly (number | undefined)[]; readonly untilMs: number } | undefined;

  const queueOf = (shard: number): Queue => {
    const queue = shards[shard];
    if (queue === undefined) throw refuse('shard', `an integer from 0 to ${shards.length - 1}`, shard);
    return queue;
  };

  const look = async (own: number): Promise<readonly (number | undefined)[]> => {
    if (known !== undefined && clock.monotonicMs() < known.untilMs) return known.depths;
    const depths = await Promise.all(
      shards.map(async (queue, index) => {
        if (index === own) return 0;
        // One that can't be asked is not stolen from; the others can be.
        return queue.depth().then(
          ({ visibleCount }) => visibleCount,
          () => undefined,
        );
      }),
    );
    known = { depths, untilMs: clock.monotonicMs() + depthsForMs };
    return depths;
  };

  const take = async (queue: Queue): Promise<number> => {
    const messages = await queue.receive({ maxCount });
    if (messages.length === 0) return 0;
    const { batchItemFailures } = await work(messages, queue);
    const again = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = messages.filter(({ id }) => !again.has(id));
    if (done.length > 0) await queue.deleteBatch(done.map(({ receipt }) => receipt));
    return messages.length;
  };

  const turn = async (shard: number): Promise<Turn> => {
    if ((await take(queueOf(shard))) > 0) return 'worked';
    const depths = await look(shard);
    const from = fullestOther(depths, shard, stealFromCount);
    if (from === undefined) return 'idle';
    const count = await take(queueOf(from));
    // Nothing there: it was emptied meanwhile, and what is known of the depths is of no use.
    known = count === 0 || known === undefined ? undefined : { ...known, depths: less(known.depths, from, count) };
    return count === 0 ? 'idle' : 'stole';
  };

  return Object.freeze<WorkStealing>({
    turn,
    run: async (shard, { idleMs, signal }) => {
      checkInteger('idleMs', idleMs, 1, IDLE_LIMIT_MS);
      const { name } = queueOf(shard);
      while (!signal.aborted) {
        const outcome = await turn(shard).catch((error: unknown): Turn => {
          log.error('turn failed, its messages come again', { shard: name, error });
          return 'idle';
        });
        // The abort ends the wait, not what was begun.
        if (outcome === 'idle') await clock.sleep(idleMs, signal).catch(() => undefined);
      }
    },
  });
};

import { checkInteger } from '#primitives/checks';
import { checkList } from '#primitives/part-checks';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { parseMessage } from '../message.ts';
import { itemMessage, redriveMessage } from './messages.ts';
import { sendInOrder } from './order.ts';
import { jitteredPause } from '../pause.ts';
import { checkGiven } from './option-checks.ts';
import { sha256 } from '#primitives/sha256';
import { resumePlan, unbury } from './redrive-letter.ts';
import { reservePace } from './redrive-pace.ts';
import { sendAll } from './send.ts';
import { inGroupOf, redriven, undeliverable } from './undeliverable.ts';

/** From which dead letters to which queue: those of items, or those of plans. */
export interface RedriveRoute {
  readonly from: Queue;
  readonly to: Queue;
  /** Where letters go whose body says `priority: 'high'`. Without it to `to`. */
  readonly urgentTo?: Queue;
  readonly of: 'items' | 'plans';
  /** Both are FIFO queues. */
  readonly ordered?: boolean;
}

export interface RedriveOptions {
  readonly jobs: Table;
  readonly effects: Table;
  readonly routes: readonly RedriveRoute[];
  /** The queue that the messages of this function come from: a long redrive goes on with a message to it. */
  readonly redrives: Queue;
  /** Where messages go that cannot be understood. */
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly keepMs: number;
}

/** A call of the queue takes ten. */
const MAX_AT_ONCE = 10;
/** Receives in a row that brought nothing to move: what is left then, another redrive will find. */
const MAX_IDLE_COUNT = 100;
const MAX_BATCHES = 1_000;
const MAX_WAIT_MS = 1_000;
const MIN_VISIBILITY_MS = 1_000;

const isUrgentLetter = ({ body }: ReceivedMessage): boolean => {
  const parsed = parseMessage(itemMessage, body);
  return parsed.ok && parsed.value.priority === 'high';
};

interface Run {
  readonly redriveId: string;
  readonly ratePerSecond: number;
  /** How many letters are taken at a time: the burst beyond the rate. */
  readonly burst: number;
  readonly timeMs: number;
  readonly leftMs: () => number;
}

/** `empty`: nothing is left to be moved. Otherwise the time is over, and it goes on after so long. */
type Stop = 'empty' | { readonly afterMs: number };

/**
 * Moves dead letters back to where their items are done, those of plans back to the planner: at most `ratePerSecond`
 * (and a first ten at once), until none is left that was there before. What fails again is not moved again by the same
 * redrive. Letters that nobody can read stay where they are.
 *
 * Each letter: its burial is undone, it is sent, it is deleted, in this order. A crash before the first: nothing has
 * happened. After it, or after the second: the message of this redrive comes again, finds the letter, and no burial to
 * be undone, and sends it (again, maybe: its item has one effect however often it is sent). Nothing is lost at any
 * point: the letter is deleted last. Redrives may repeat and overlap.
 *
 * API calls: for ten letters of an item queue 15 (a receive, 2 for the pace, 10 transactions, a send, a delete); of a FIFO
 * queue a send for each letter of the largest group.
 */
export const redrive = (options: RedriveOptions) => {
  checkGiven(options, ['jobs', 'effects', 'redrives', 'deadLetters', 'clock', 'random', 'log']);
  checkInteger('keepMs', options.keepMs, 1, Number.MAX_SAFE_INTEGER);
  checkList('routes', options.routes, 'a list of routes');
  const { jobs, clock, log, routes, redrives } = options;
  const pause = jitteredPause(options);
  const letters = { ...options, pause };

  /** Moves what is to be moved of some letters, in their order; gives how many. */
  const move = async (received: readonly ReceivedMessage[], route: RedriveRoute, run: Run) => {
    const { from, to, of, ordered, urgentTo = to } = route;
    const old = received.filter(({ attributes }) => attributes.redrive !== run.redriveId);
    const moved: ReceivedMessage[] = [];
    const dropped: ReceivedMessage[] = [];
    for (const letter of old) {
      const verdict = await (of === 'items' ? unbury(letter, letters) : resumePlan(letter, letters));
      if (verdict === 'move') moved.push(letter);
      if (verdict === 'drop') dropped.push(letter);
    }
    const messageOf = (letter: ReceivedMessage) => ({
      ...redriven(letter, run.redriveId),
      // The item's own id would be taken for a repeat within five minutes; the letter's is new with each burial.
      ...(ordered === true ? inGroupOf(letter, sha256(`redriven ${letter.id}`)) : {}),
    });
    const [urgent, others] = [moved.filter(isUrgentLetter), moved.filter((letter) => !isUrgentLetter(letter))];
    if (ordered === true) await sendInOrder(to, moved.map(messageOf), pause);
    else {
      await sendAll(urgentTo, urgent.map(messageOf), pause);
      await sendAll(to, others.map(messageOf), pause);
    }
    await from.deleteBatch([...moved, ...dropped].map(({ receipt }) => receipt));
    return moved.length + dropped.length;
  };

  /** Waits for room at the rate; what comes back when there is none in time is for how long. */
  const roomFor = async ({ burst: count, ratePerSecond, leftMs }: Run): Promise<number | undefined> => {
    const mostMs = leftMs();
    const waitMs = await reservePace({ jobs, clock, count, ratePerSecond, mostMs, pause });
    if (waitMs >= mostMs) return waitMs;
    if (waitMs > 0) await clock.sleep(waitMs);
    return undefined;
  };

  /** Moves all that is to be moved on a route. Room that was not needed is left for the next. */
  const empty = async (route: RedriveRoute, run: Run, room: { isReserved: boolean }): Promise<Stop> => {
    const { burst, timeMs, leftMs } = run;
    let idleCount = 0;
    for (let batches = 0; batches < MAX_BATCHES && idleCount < MAX_IDLE_COUNT; batches += 1) {
      const afterMs = room.isReserved ? undefined : await roomFor(run);
      if (afterMs !== undefined) return { afterMs };
      room.isReserved = true;
      if (leftMs() <= 0) return { afterMs: 0 };
      const received = await route.from.receive({
        maxCount: burst,
        waitMs: Math.min(MAX_WAIT_MS, Math.floor(timeMs / 4)),
        // Back before this redrive's own message is, should it crash.
        visibilityMs: Math.max(MIN_VISIBILITY_MS, Math.ceil(2 * timeMs)),
      });
      if (received.length === 0) return 'empty';
      const isIdle = (await move(received, route, run)) === 0;
      room.isReserved = isIdle;
      idleCount = isIdle ? idleCount + 1 : 0;
    }
    return idleCount < MAX_IDLE_COUNT ? { afterMs: 0 } : 'empty';
  };

  /** @param timeMs After so long the rest is left to another message. At most half of what the platform allows. */
  return async (message: ReceivedMessage, timeMs: number): Promise<void> => {
    const parsed = parseMessage(redriveMessage, message.body);
    if (!parsed.ok) {
      const verdict = { reason: parsed.reason, attempts: message.receiveCount };
      return sendAll(options.deadLetters, [undeliverable(message, verdict)], pause);
    }
    const { redriveId = message.id, ratePerSecond, dryRun, from } = parsed.value;
    if (dryRun) return;
    const endsAtMs = clock.monotonicMs() + timeMs;
    const leftMs = (): number => endsAtMs - clock.monotonicMs();
    const burst = Math.max(1, Math.min(MAX_AT_ONCE, Math.floor(ratePerSecond)));
    const room = { isReserved: false };
    for (const [index, route] of [...routes.entries()].slice(from)) {
      const stop = await empty(route, { redriveId, ratePerSecond, burst, timeMs, leftMs }, room);
      if (stop === 'empty') continue;
      const body = JSON.stringify({ redriveId, ratePerSecond, from: index });
      return sendAll(redrives, [{ body, delayMs: Math.ceil(stop.afterMs) }], pause);
    }
    log.info('redrive ended', { redrive: redriveId });
  };
};

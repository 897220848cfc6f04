import { checkNames, checkNumber } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { OutcomeUnknownError, PatternError, UnavailableError } from '#primitives/errors';
import { memoryBus, type MemoryBus } from '#primitives/memory/bus';
import { memoryClock } from '#primitives/memory/clock';
import type { FaultRule } from '#primitives/memory/fault-rules';
import { faults, type InjectedFault } from '#primitives/memory/faults';
import { memoryObjects } from '#primitives/memory/objects';
import { memoryQueue, type MemoryQueueOptions } from '#primitives/memory/queue';
import { seededRandom } from '#primitives/memory/random';
import { memoryTable, type MemoryTable } from '#primitives/memory/table';
import { memoryWire, type Intercept, type Operation } from '#primitives/memory/wire';
import type { Objects } from '#primitives/objects';
import type { OutgoingMessage, Queue } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { eventSource, type EventSource, type EventSourceOptions } from './event-source.ts';
import { simulatedFunction, type FunctionOptions, type SimulatedFunction } from './function-host.ts';
import { currentProcess, outside, startProcess, whileAlive } from './processes.ts';

export interface WorldOptions {
  /** Decides all chance: latencies, the order of deliveries, ids, rates of faults. 0..2³²−1. */
  readonly seed: number;
  /** Default: none. */
  readonly faults?: readonly FaultRule[];
  /** So many faults in all. Default: no limit. */
  readonly faultLimitCount?: number;
  /** The longest way of a call, and of its answer; each is drawn, so that calls of processes interleave. Default 10. */
  readonly latencyMs?: number;
}

/** A simulated account on virtual time, with functions and event sources that run in it. */
export interface World {
  readonly random: Random;
  /** The hosts' clock. A process that was killed sleeps for ever. */
  readonly clock: Clock;
  table(name: string): MemoryTable;
  /** Standard queues deliver in an order drawn from the seed. */
  queue(name: string, options?: Pick<MemoryQueueOptions, 'visibilityMs' | 'deadLetter'>): Queue;
  bus(name: string): MemoryBus;
  bucket(name: string): Objects;
  /** A function with a host of its own. */
  function(options: Omit<FunctionOptions, 'clock'>): SimulatedFunction;
  /** Lets a function be fed from a queue of this world, from now on. */
  source(options: Omit<EventSourceOptions, 'clock' | 'visibilityMs'>): void;
  /**
   * Does what a client does until it has an answer: runs `work` as a process of its own, and again (25 times at most)
   * when it crashed or failed with a retryable error. Time passes meanwhile.
   */
  client<T>(work: () => Promise<T>): Promise<T>;
  /**
   * Sends messages as such a client, until the queue has accepted each. A message whose answer was lost is sent again.
   *
   * @throws {@link PatternError} `simulation/not-sent` for a message that the queue will never take.
   */
  send(queue: Queue, messages: readonly OutgoingMessage[]): Promise<void>;
  /** Lets time pass until `work` is settled. */
  until<T>(work: Promise<T>): Promise<T>;
  /**
   * Lets time pass until nothing is left to do: the queues that feed functions are empty, nothing runs, no call is late.
   *
   * @throws {@link PatternError} `simulation/never-quiet` after a day.
   */
  untilQuiet(): Promise<void>;
  /**
   * Calls `look` after each write, before its caller hears of it, outside of all processes: without faults. Its first
   * error is raised by `untilQuiet`. The last `look` given counts.
   */
  watch(look: (written: Operation) => Promise<void>): void;
  /** The calls of processes so far, in order: what a sweep goes through. */
  calls(): readonly Operation[];
  injected(): readonly InjectedFault[];
}

const DEFAULT_VISIBILITY_MS = 30_000;
const QUIET_STEP_MS = 2_000;
const QUIET_LIMIT_MS = 86_400_000;
const CLIENT_TRIES = 25;
const CLIENT_PAUSE_MS = 1_000;
/** What belongs to the platform cannot be killed by a fault: it just gets no answer. */
const PLATFORM = 'platform';
const MAX_SEED = 2 ** 32;

const crashCaller = (operation: Operation, isApplied: boolean): Promise<never> => {
  const process = currentProcess();
  if (process === undefined || process.name === PLATFORM) {
    throw isApplied ? new OutcomeUnknownError(operation.operation) : new UnavailableError(operation.operation);
  }
  process.kill('Runtime.ExitError');
  return whileAlive(Promise.resolve()) as Promise<never>;
};

/** Makes a world. The same options and the same work give the same run, call by call. */
export const world = (options: WorldOptions): World => {
  checkNames(options, ['seed', 'faults', 'faultLimitCount', 'latencyMs']);
  const { seed, faults: rules = [], faultLimitCount, latencyMs = 10 } = options;
  checkNumber('latencyMs', latencyMs, 0, 60_000);
  const root = seededRandom(seed);
  // A stream for each use: a fault that is left out changes none of the other draws by itself.
  const stream = (): Random => seededRandom(Math.floor(root.next() * MAX_SEED));
  const [latency, order, ids, chance] = [stream(), stream(), stream(), stream()];
  const time = memoryClock();
  const injector = faults({
    clock: time,
    random: chance,
    rules,
    crash: crashCaller,
    ...(faultLimitCount === undefined ? {} : { limitCount: faultLimitCount }),
  });
  const calls: Operation[] = [];
  const visibilities = new Map<Queue, number>();
  const functions: SimulatedFunction[] = [];
  const sources: { readonly queue: Queue; readonly source: EventSource }[] = [];
  let look: ((written: Operation) => Promise<void>) | undefined;
  let problem: { readonly error: unknown } | undefined;

  const seen = async (written: Operation): Promise<void> => {
    const now = look;
    if (now === undefined || problem !== undefined) return;
    await outside(() => now(written)).catch((error: unknown) => {
      problem ??= { error };
    });
  };
  const travel = (): Promise<void> => whileAlive(time.sleep(latency.next() * latencyMs));
  const intercept: Intercept = async (operation, apply) => {
    if (currentProcess() === undefined) return apply();
    await travel();
    calls.push(operation);
    const answer = await whileAlive(
      Promise.resolve(
        injector.intercept(operation, async (without) => {
          const applied = await apply(without);
          if (operation.isWrite) await seen(operation);
          return applied;
        }),
      ),
    );
    await travel();
    return answer;
  };
  const wire = memoryWire({ intercept });
  const clock: Clock = Object.freeze({
    nowMs: time.nowMs,
    monotonicMs: time.monotonicMs,
    sleep: (ms: number, signal?: AbortSignal) => whileAlive(time.sleep(ms, signal)),
  });

  const isQuiet = async (): Promise<boolean> => {
    if (injector.lateCount() > 0) return false;
    if (functions.some((each) => each.runningCount() > 0) || sources.some(({ source }) => !source.isIdle()))
      return false;
    const depths = await Promise.all(sources.map(({ queue }) => queue.depth()));
    return depths.every((depth) => depth.visibleCount + depth.inFlightCount + depth.delayedCount === 0);
  };
  const quiet = async (): Promise<void> => {
    for (const limitMs = time.monotonicMs() + QUIET_LIMIT_MS; time.monotonicMs() < limitMs;) {
      await time.sleep(QUIET_STEP_MS);
      if (problem !== undefined) throw problem.error;
      if (await isQuiet()) return;
    }
    throw new PatternError('simulation/never-quiet', 'There is still something to do after a day');
  };

  const insist = async <T>(work: () => Promise<T>): Promise<T> => {
    let cause: unknown;
    for (let tries = 1; tries <= CLIENT_TRIES; tries += 1) {
      const ending = await startProcess(`client-${tries}`).run(work);
      if (ending.status === 'ended') return ending.value;
      cause = ending.status === 'failed' ? ending.error : ending.reason;
      if (ending.status === 'failed' && !(cause instanceof PatternError && cause.retryable)) throw cause;
      await time.sleep(CLIENT_PAUSE_MS);
    }
    throw new PatternError('simulation/no-answer', `The client gave up after ${CLIENT_TRIES} tries`, { cause });
  };

  const sendAll = async (queue: Queue, messages: readonly OutgoingMessage[]): Promise<void> => {
    let rest = messages;
    await insist(async () => {
      const outcomes = await queue.sendBatch(rest);
      for (const outcome of outcomes)
        if (!outcome.ok && !outcome.retryable) throw new PatternError('simulation/not-sent', outcome.reason);
      rest = rest.filter((_, index) => outcomes[index]?.ok !== true);
      if (rest.length > 0) throw new UnavailableError(queue.name);
    });
  };

  return Object.freeze<World>({
    random: ids,
    clock,
    table: (name) => memoryTable({ name, clock: time, wire }),
    queue: (name, how = {}) => {
      const isFifo = name.endsWith('.fifo');
      const queue = memoryQueue({ name, clock: time, wire, ...how, ...(isFifo ? {} : { random: order }) });
      visibilities.set(queue, how.visibilityMs ?? DEFAULT_VISIBILITY_MS);
      return queue;
    },
    bus: (name) => memoryBus({ name, clock: time, wire }),
    bucket: (name) => memoryObjects({ name, wire }),
    function: (how) => {
      const made = simulatedFunction({ ...how, clock: time });
      functions.push(made);
      return made;
    },
    source: (how) => {
      const visibilityMs = visibilities.get(how.queue) ?? DEFAULT_VISIBILITY_MS;
      const source = eventSource({ ...how, clock: time, visibilityMs });
      sources.push({ queue: how.queue, source });
      void startProcess(PLATFORM).run(source.run);
    },
    client: (work) => time.until(insist(work)),
    send: (queue, messages) => time.until(sendAll(queue, messages)),
    until: (work) => time.until(work),
    untilQuiet: () => time.until(quiet()),
    watch: (how) => {
      look = how;
    },
    calls: () => Object.freeze([...calls]),
    injected: injector.injected,
  });
};

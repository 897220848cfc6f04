import { checkNames, checkNumber, refuse } from '#primitives/checks';
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
import { errorText } from './error-text.ts';
import { eventSource, type EventSource, type EventSourceOptions } from './event-source.ts';
import { simulatedFunction, type FunctionOptions, type SimulatedFunction } from './function-host.ts';
import { currentProcess, outside, startProcess, whileAlive } from './processes.ts';

export interface WorldOptions {
  /**
   * Decides all chance: latencies, the order of deliveries, ids, rates of faults; and, by whether it is even, whether
   * records are removed when their time to live is over. 0..2³²−1.
   */
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
  /**
   * The table of this name: the same whenever it is asked for, as are queue, bus and bucket. In worlds of an even seed a
   * record is removed within a second after its time to live, in the others never: DynamoDB promises neither.
   */
  table(name: string): MemoryTable;
  /**
   * Standard queues deliver in an order drawn from the seed.
   *
   * @throws {@link InvalidArgumentError} for options of a queue that is there
   */
  queue(name: string, options?: Pick<MemoryQueueOptions, 'visibilityMs' | 'deadLetter'>): Queue;
  /** Who subscribes is the platform, no process: give an event to a function, so that faults and crashes meet that. */
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
   * To a FIFO queue those of a group are sent one after the other, so that they come in this order whatever fails.
   *
   * @throws {@link PatternError} `simulation/not-sent` for a message that the queue will never take.
   */
  send(queue: Queue, messages: readonly OutgoingMessage[]): Promise<void>;
  /** Lets time pass until `work` is settled. */
  until<T>(work: Promise<T>): Promise<T>;
  /**
   * Lets time pass until nothing is left to do: the queues that feed functions are empty, no function runs, no call is
   * late or delayed. For clients of the scenario's own it does not wait.
   *
   * @throws {@link PatternError} `simulation/never-quiet` after a day; it says which functions failed, and why at last
   */
  untilQuiet(): Promise<void>;
  /**
   * Calls `look` after each write, before its caller hears of it, outside of all processes: without faults. Its first
   * error is raised by `untilQuiet`, and at the end of a sweep's or a seed's run. The last `look` given counts.
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
const EXPIRY_STEP_MS = 1_000;

const crashCaller = (operation: Operation, isApplied: boolean): Promise<never> => {
  const process = currentProcess();
  if (process === undefined || process.name === PLATFORM) {
    throw isApplied ? new OutcomeUnknownError(operation.operation) : new UnavailableError(operation.operation);
  }
  process.kill('Runtime.ExitError');
  return whileAlive(Promise.resolve()) as Promise<never>;
};

/** What a name stands for: made when it is asked for, and the same from then on. */
const namesakes = <T>(make: (name: string) => T) => {
  const made = new Map<string, T>();
  const get = (name: string): T => {
    const found = made.get(name) ?? make(name);
    made.set(name, found);
    return found;
  };
  return Object.assign(get, { made });
};

/** Of messages for a FIFO queue those that have none of their group before them; otherwise all. */
const sendable = (queue: Queue, messages: readonly OutgoingMessage[]): readonly OutgoingMessage[] => {
  if (!queue.name.endsWith('.fifo')) return messages;
  return [...new Map(messages.toReversed().map((message) => [message.groupId, message])).values()].toReversed();
};

/** A world, with what only those who run scenarios in it see. */
export interface OpenWorld {
  readonly world: World;
  /** What a watcher found, if it did. */
  problem(): { readonly error: unknown } | undefined;
  /** Which functions failed by errors of their own, as sentences. */
  failures(): readonly string[];
}

export const openWorld = (options: WorldOptions): OpenWorld => {
  checkNames(options, ['seed', 'faults', 'faultLimitCount', 'latencyMs']);
  const { seed, faults: rules = [], faultLimitCount, latencyMs = 10 } = options;
  checkNumber('latencyMs', latencyMs, 0, 60_000);
  const root = seededRandom(seed);
  // A stream for each use: a fault that is left out changes none of the other draws by itself.
  const stream = (): Random => seededRandom(Math.floor(root.next() * MAX_SEED));
  const [latency, order, ids, chance] = [stream(), stream(), stream(), stream()];
  const removesExpired = seed % 2 === 0;
  const time = memoryClock();
  const injector = faults({
    clock: time,
    random: chance,
    rules,
    crash: crashCaller,
    ...(faultLimitCount === undefined ? {} : { limitCount: faultLimitCount }),
  });
  const calls: Operation[] = [];
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
  let expiredAtMs = 0;
  const removeExpired = (): void => {
    if (!removesExpired || time.monotonicMs() < expiredAtMs + EXPIRY_STEP_MS) return;
    expiredAtMs = time.monotonicMs();
    for (const table of tables.made.values()) table.sweepExpired();
  };
  const travel = (): Promise<void> => whileAlive(time.sleep(latency.next() * latencyMs));
  const intercept: Intercept = async (operation, apply) => {
    if (currentProcess() === undefined) return apply();
    await travel();
    removeExpired();
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
  const tables = namesakes((name) => memoryTable({ name, clock: time, wire }));
  const buckets = namesakes((name) => memoryObjects({ name, wire }));
  const buses = namesakes((name) => {
    const bus = memoryBus({ name, clock: time, wire });
    // It would die with whoever published otherwise.
    return Object.freeze<MemoryBus>({
      ...bus,
      subscribe: (target) => bus.subscribe((event) => outside(() => target(event))),
    });
  });
  const queues = new Map<string, { readonly queue: Queue; readonly visibilityMs: number }>();

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
  const failures = (): readonly string[] =>
    functions.flatMap(({ name, failures: of }) => {
      const { count, last } = of();
      return count === 0 ? [] : [`Function ${name} failed ${count} times, at last by: ${errorText(last)}`];
    });
  const quiet = async (): Promise<void> => {
    for (const limitMs = time.monotonicMs() + QUIET_LIMIT_MS; time.monotonicMs() < limitMs;) {
      await time.sleep(QUIET_STEP_MS);
      if (problem !== undefined) throw problem.error;
      if (await isQuiet()) return;
    }
    const failed = failures();
    const why = failed.length === 0 ? '' : `. ${failed.join('; ')}`;
    throw new PatternError('simulation/never-quiet', `There is still something to do after a day${why}`);
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
      while (rest.length > 0) {
        const now = sendable(queue, rest);
        const outcomes = await queue.sendBatch(now);
        for (const outcome of outcomes)
          if (!outcome.ok && !outcome.retryable) throw new PatternError('simulation/not-sent', outcome.reason);
        const sent = new Set(now.filter((_, index) => outcomes[index]?.ok === true));
        rest = rest.filter((message) => !sent.has(message));
        if (sent.size < now.length) throw new UnavailableError(queue.name);
      }
    });
  };

  const made = Object.freeze<World>({
    random: ids,
    clock,
    table: tables,
    queue: (name, how) => {
      const found = queues.get(name);
      if (found !== undefined && how !== undefined) throw refuse('options', `left out: queue '${name}' is there`, how);
      if (found !== undefined) return found.queue;
      const isFifo = name.endsWith('.fifo');
      const queue = memoryQueue({ name, clock: time, wire, ...how, ...(isFifo ? {} : { random: order }) });
      queues.set(name, { queue, visibilityMs: how?.visibilityMs ?? DEFAULT_VISIBILITY_MS });
      return queue;
    },
    bus: buses,
    bucket: buckets,
    function: (how) => {
      const host = simulatedFunction({ ...how, clock: time });
      functions.push(host);
      return host;
    },
    source: (how) => {
      const visibilityMs = queues.get(how.queue.name)?.visibilityMs ?? DEFAULT_VISIBILITY_MS;
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
  return Object.freeze<OpenWorld>({ world: made, problem: () => problem, failures });
};

/** Makes a world. The same options and the same work give the same run, call by call. */
export const world = (options: WorldOptions): World => openWorld(options).world;

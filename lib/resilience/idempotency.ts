import { checkInteger, checkNames, checkText, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { checkParts } from '#primitives/part-checks';
import { batchRunner } from './idempotency-batch.ts';
import {
  answerOf,
  COME_AGAIN,
  operationIdOf,
  partitionOf,
  recordKey,
  REUSED,
  runRecords,
  textOf,
  type Claim,
  type Settled,
} from './idempotency-record.ts';
import type { Idempotency, IdempotencyOptions, IdempotentOutcome, RunOptions, Work } from './idempotency-types.ts';
import { untilAnswered } from './until-answered.ts';

export type {
  BatchEntry,
  BatchOutcome,
  Idempotency,
  IdempotencyOptions,
  IdempotentOutcome,
  RunOptions,
  WhileRunning,
  Work,
} from './idempotency-types.ts';

const OPTIONS = ['table', 'clock', 'random', 'inProgressMs', 'keepMs', 'cacheCount', 'whileRunning'];
const DAY_MS = 86_400_000;
const MAX_RUN_MS = 900_000;

/** One call of `run`. */
interface Call {
  readonly partition: string;
  readonly bodyHash: string;
  readonly operationId: () => string;
  readonly work: (operationId: string) => Promise<Work>;
  readonly leaseMs: number;
  readonly signal: AbortSignal | undefined;
  /** By the monotonic clock: when it stops waiting for a twin. */
  readonly waitUntilMs: number;
}

interface Flight {
  readonly signal: AbortSignal | undefined;
  readonly settled: Promise<Settled>;
}

const checkOptions = (options: IdempotencyOptions): void => {
  checkNames(options, OPTIONS);
  const { table, clock, random, inProgressMs, keepMs, cacheCount = 0, whileRunning = { mode: 'reject' } } = options;
  checkParts({ table, clock, random });
  checkInteger('inProgressMs', inProgressMs, 1, MAX_RUN_MS);
  checkInteger('keepMs', keepMs, inProgressMs, 30 * DAY_MS);
  checkInteger('cacheCount', cacheCount, 0, 10_000);
  if (typeof whileRunning !== 'object' || whileRunning === null)
    throw refuse('whileRunning', 'an object', whileRunning);
  if (whileRunning.mode === 'reject') return checkNames(whileRunning, ['mode']);
  if (!['wait', 'join'].includes(whileRunning.mode)) throw refuse('mode', 'reject, wait or join', whileRunning.mode);
  checkNames(whileRunning, ['mode', 'waitMs', 'pollMs']);
  checkInteger('waitMs', whileRunning.waitMs, 1, MAX_RUN_MS);
  checkInteger('pollMs', whileRunning.pollMs, 10, 60_000);
};

/** What the work comes to, or undefined when `ms` are over before. */
const within = async <T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T | undefined> => {
  const over = new AbortController();
  const ends = signal === undefined ? over.signal : AbortSignal.any([over.signal, signal]);
  try {
    return await Promise.race([work, clock.sleep(ms, ends).then(() => undefined)]);
  } finally {
    over.abort();
  }
};

export const outcomeOf = (settled: Settled): IdempotentOutcome =>
  settled.status === 'answered'
    ? { status: 'answered', answer: answerOf(settled.text), replayed: settled.replayed }
    : settled;

/**
 * Makes requests that carry a key safe to repeat.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const idempotency = (options: IdempotencyOptions): Idempotency => {
  checkOptions(options);
  const { table, clock, random, inProgressMs, keepMs, cacheCount = 256, whileRunning = { mode: 'reject' } } = options;
  const records = runRecords({ clock, keepMs, cacheCount });
  /** By key and body. */
  const flights = new Map<string, Flight>();
  /** The bodies of the keys that this process has claimed. */
  const claimed = new Map<string, string>();

  const leaseMs = ({ attemptMs = inProgressMs }: RunOptions): number => {
    checkInteger('attemptMs', attemptMs, 0, MAX_RUN_MS);
    return Math.min(attemptMs, inProgressMs);
  };

  /** Undefined when the key is ours from now on. */
  const claimKey = async (claim: Claim, call: Call): Promise<Settled | undefined> => {
    const { partition, bodyHash, token } = claim;
    const put = records.claim(claim, call.leaseMs);
    const outcome = await untilAnswered(() => table.put(put));
    if (outcome.status === 'written') return undefined;
    if (outcome.current === undefined) return COME_AGAIN;
    // Refused by our own write, whose answer was lost.
    return outcome.current['token'] === token ? undefined : records.judge(partition, bodyHash, outcome.current);
  };

  const release = async (claim: Claim): Promise<void> => {
    try {
      await table.delete(records.release(claim));
    } catch {
      // The claim ends by itself when its time is over.
    }
  };

  const store = async (claim: Claim, text: string): Promise<Settled> => {
    const update = records.answer(claim, text);
    const outcome = await untilAnswered(() => table.update(update));
    if (outcome.status === 'written') return records.answered(claim, text);
    // We came too late: the key is another run's, whose answer is the answer, or nobody's, since that one left none.
    if (outcome.current === undefined) return COME_AGAIN;
    return records.judge(claim.partition, claim.bodyHash, outcome.current);
  };

  /** Runs the work of a key that is ours. */
  const perform = async (claim: Claim, call: Call): Promise<Settled> => {
    let text: string;
    let keep: boolean;
    try {
      const done = await call.work(call.operationId());
      text = textOf(done.answer);
      ({ keep } = done);
    } catch (error) {
      await release(claim);
      throw error;
    }
    if (keep) return store(claim, text);
    await release(claim);
    return { status: 'answered', text, replayed: false };
  };

  /** Runs the work, when the key can be had. */
  const attempt = async (call: Call): Promise<Settled> => {
    const { partition, bodyHash } = call;
    const claim = { partition, bodyHash, token: random.uuid() };
    const refused = await claimKey(claim, call);
    if (refused !== undefined) return refused;
    claimed.set(partition, bodyHash);
    try {
      return await perform(claim, call);
    } finally {
      claimed.delete(partition);
    }
  };

  const settle = async (call: Call): Promise<Settled> => {
    let settled = await attempt(call);
    while (settled.status === 'in-progress' && whileRunning.mode !== 'reject') {
      const leftMs = call.waitUntilMs - clock.monotonicMs();
      if (leftMs <= 0) return settled;
      const pauseMs = whileRunning.pollMs * (1 - random.next() / 2);
      await clock.sleep(Math.min(leftMs, pauseMs), call.signal);
      const record = await table.get(recordKey(call.partition));
      const isFree = record === undefined || records.isOver(record);
      settled = isFree ? await attempt(call) : records.judge(call.partition, call.bodyHash, record);
    }
    return settled;
  };

  /** What the run of this process comes to that is under way. Undefined: it is no answer for this call, go on without. */
  const join = async ({ signal, settled }: Flight, call: Call): Promise<Settled | undefined> => {
    const leftMs = (): number => call.waitUntilMs - clock.monotonicMs();
    try {
      const outcome = (await within(clock, Math.max(0, leftMs()), settled, call.signal)) ?? COME_AGAIN;
      // It waited for a twin elsewhere until its own time was over, which ours need not be.
      if (outcome.status === 'in-progress' && leftMs() > 0) return undefined;
      return outcome.status === 'answered' ? { ...outcome, replayed: true } : outcome;
    } catch (error) {
      // That it was called off is no answer for those who were not.
      if (signal?.aborted === true && call.signal?.aborted !== true) return undefined;
      throw error;
    }
  };

  const settleJoined = async (call: Call): Promise<Settled> => {
    const { partition, bodyHash, signal } = call;
    // Only a claim makes the key a body's: beside one that has none yet the table is asked which body is right.
    if ((claimed.get(partition) ?? bodyHash) !== bodyHash) return REUSED;
    const name = `${partition}/${bodyHash}`;
    let past: Flight | undefined;
    for (let flight = flights.get(name); flight !== past && flight !== undefined; flight = flights.get(name)) {
      const settled = await join(flight, call);
      if (settled !== undefined) return settled;
      past = flight;
    }
    const own: Flight = { signal, settled: settle(call) };
    flights.set(name, own);
    try {
      return await own.settled;
    } finally {
      if (flights.get(name) === own) flights.delete(name);
    }
  };

  const runBatch = batchRunner({ table, clock, random, records });

  return Object.freeze<Idempotency>({
    run: async (scope, key, bodyHash, work, how = {}) => {
      checkText('scope', scope, 1, 200);
      checkText('key', key, 1, 1024);
      checkText('bodyHash', bodyHash, 1, 200);
      checkNames(how, ['signal', 'attemptMs']);
      const partition = partitionOf(scope, key);
      const remembered = records.remembered(partition, bodyHash);
      if (remembered !== undefined) return outcomeOf(remembered);
      const call: Call = {
        partition,
        bodyHash,
        operationId: () => operationIdOf(scope, key, bodyHash),
        work,
        leaseMs: leaseMs(how),
        signal: how.signal,
        waitUntilMs: whileRunning.mode === 'reject' ? 0 : clock.monotonicMs() + whileRunning.waitMs,
      };
      return outcomeOf(await (whileRunning.mode === 'join' ? settleJoined(call) : settle(call)));
    },
    runBatch: async (scope, entries, how = {}) => {
      checkText('scope', scope, 1, 200);
      checkInteger('entries.length', entries.length, 1, 100);
      checkNames(how, ['attemptMs']);
      const settled = await runBatch(scope, entries, leaseMs(how));
      return settled.map((each) => (each.status === 'failed' ? each : outcomeOf(each)));
    },
  });
};

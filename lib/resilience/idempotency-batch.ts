import { checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { isRetryable, UnavailableError } from '#primitives/errors';
import type { Random } from '#primitives/random';
import type { Fields, Table, TransactionOutcome, Write } from '#primitives/table';
import {
  COME_AGAIN,
  operationIdOf,
  partitionOf,
  REUSED,
  textOf,
  type Claim,
  type RunRecords,
  type Settled,
} from './idempotency-record.ts';
import type { BatchEntry } from './idempotency-types.ts';
import { untilAnswered } from './until-answered.ts';

type SettledEntry = Settled | { readonly status: 'failed'; readonly error: unknown };

/** What a key of the batch came to, and for which of the bodies that it came with. */
interface Known {
  readonly bodyHash: string;
  readonly outcome: SettledEntry;
}

/** A key of the batch that was claimed, and what its work came to. */
interface Run {
  readonly claim: Claim;
  readonly entry: BatchEntry;
}
interface Ended extends Run {
  readonly result: { readonly text: string; readonly keep: boolean } | { readonly error: unknown };
}

const TRIES = 5;
const CONFLICT_PAUSE_MS = 50;
/** DynamoDB takes 4 MB in one transaction. @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html */
const MAX_TRANSACTION_BYTES = 3_000_000;

/** A write of a transaction with what it is about. */
interface Part<T> {
  readonly about: T;
  readonly write: Write;
}

/** Neighbours together as long as their texts fit into one transaction. */
const inTransactions = (ended: readonly Ended[]): readonly (readonly Ended[])[] => {
  const groups: Ended[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const each of ended) {
    const own = 'text' in each.result && each.result.keep ? Buffer.byteLength(each.result.text) : 0;
    if (bytes + own > MAX_TRANSACTION_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    bytes += own;
    groups.at(-1)?.push(each);
  }
  return groups;
};

export const batchRunner = (options: {
  readonly table: Table;
  readonly clock: Clock;
  readonly random: Random;
  readonly records: RunRecords;
}): ((scope: string, entries: readonly BatchEntry[], leaseMs: number) => Promise<readonly SettledEntry[]>) => {
  const { table, clock, random, records } = options;

  const transact = (writes: readonly Write[]): Promise<TransactionOutcome> => {
    // The token makes the repeats of a transaction whose answer was lost the same transaction.
    const token = random.uuid();
    return untilAnswered(() => table.transact(writes, { token }));
  };

  /**
   * Writes what can be written, by one transaction after another: what is refused is told to `refused`, and left out of
   * the next. Gives what was written.
   */
  const writeAll = async <T>(
    parts: readonly Part<T>[],
    refused: (about: T, current: Fields | undefined) => void,
  ): Promise<readonly T[]> => {
    let open = parts;
    for (let tries = 1; open.length > 0 && tries <= TRIES; tries += 1) {
      const outcome = await transact(open.map(({ write }) => write));
      if (outcome.status === 'written') return open.map(({ about }) => about);
      if (outcome.status === 'conflict') {
        await clock.sleep(CONFLICT_PAUSE_MS * tries * random.next());
        continue;
      }
      const { refusals } = outcome;
      for (const [at, { about }] of open.entries()) {
        const refusal = refusals[at];
        if (refusal !== undefined) refused(about, refusal.current);
      }
      open = open.filter((_, at) => refusals[at] === undefined);
    }
    if (open.length > 0) throw new UnavailableError('The records of a batch changed under every try');
    return [];
  };

  const runOne = async (scope: string, { entry, claim }: Run): Promise<Ended> => {
    try {
      const { answer, keep } = await entry.work(operationIdOf(scope, entry.key, entry.bodyHash));
      return { entry, claim, result: { text: textOf(answer), keep } };
    } catch (error) {
      return { entry, claim, result: { error } };
    }
  };

  /** Stores the answers, and gives the keys back of what has none to keep. */
  const finish = async (
    ended: readonly Ended[],
    tell: (claim: Claim, settled: SettledEntry) => void,
  ): Promise<void> => {
    const parts = ended.map((about): Part<Ended> => {
      const { claim, result } = about;
      const isKept = 'text' in result && result.keep;
      const write: Write = isKept
        ? { kind: 'update', ...records.answer(claim, result.text) }
        : { kind: 'delete', ...records.release(claim) };
      return { about, write };
    });
    const own = ({ claim, result }: Ended): SettledEntry => {
      if ('error' in result) return { status: 'failed', error: result.error };
      if (result.keep) return records.answered(claim, result.text);
      return { status: 'answered', text: result.text, replayed: false };
    };
    try {
      const written = await writeAll(parts, ({ claim, result }, current) => {
        if ('error' in result) return tell(claim, { status: 'failed', error: result.error });
        if (!result.keep) return tell(claim, { status: 'answered', text: result.text, replayed: false });
        // Overtaken: the key is another run's, whose answer is the answer, or nobody's, since that one left none.
        tell(claim, current === undefined ? COME_AGAIN : records.judge(claim.partition, claim.bodyHash, current));
      });
      for (const each of written) tell(each.claim, own(each));
    } catch (error) {
      // Refused for good, for what some of them are (an answer too large): halved until those stand alone.
      if (ended.length > 1 && !isRetryable(error)) {
        const half = Math.ceil(ended.length / 2);
        await finish(ended.slice(0, half), tell);
        return finish(ended.slice(half), tell);
      }
      // Nothing is given out that is not stored. The error of a work is that of its entry, as before.
      for (const { claim, result } of ended)
        tell(claim, { status: 'failed', error: 'error' in result ? result.error : error });
    }
  };

  return async (scope, entries, leaseMs) => {
    const settled = new Map<string, Known>();
    const runs = new Map<string, Run>();
    for (const entry of entries) {
      checkText('key', entry.key, 1, 1024);
      checkText('bodyHash', entry.bodyHash, 1, 200);
      const partition = partitionOf(scope, entry.key);
      if (runs.has(partition) || settled.has(partition)) continue;
      const remembered = records.remembered(partition, entry.bodyHash);
      // Of another body: the next entry of this key may have the one that is remembered.
      if (remembered?.status === 'reused') continue;
      // With its body: what is remembered now may be forgotten when the works have ended.
      if (remembered !== undefined) settled.set(partition, { bodyHash: entry.bodyHash, outcome: remembered });
      else runs.set(partition, { entry, claim: { partition, bodyHash: entry.bodyHash, token: random.uuid() } });
    }
    const tell = ({ partition, bodyHash }: Claim, outcome: SettledEntry): void =>
      void settled.set(partition, { bodyHash, outcome });
    const claims = [...runs.values()].map((about): Part<Run> => {
      return { about, write: { kind: 'put', ...records.claim(about.claim, leaseMs) } };
    });
    const claimedBefore: Run[] = [];
    const claimed = await writeAll(claims, (about, current) => {
      const { claim } = about;
      // Refused by our own write, whose answer was lost before a conflict made another transaction of it.
      if (current?.['token'] === claim.token) claimedBefore.push(about);
      else tell(claim, current === undefined ? COME_AGAIN : records.judge(claim.partition, claim.bodyHash, current));
    });
    const ended = await Promise.all([...claimedBefore, ...claimed].map((run) => runOne(scope, run)));
    for (const group of inTransactions(ended)) await finish(group, tell);

    const seen = new Set<string>();
    return entries.map((entry): SettledEntry => {
      const partition = partitionOf(scope, entry.key);
      const known = settled.get(partition);
      // Another body is remembered.
      if (known === undefined) return REUSED;
      const { bodyHash, outcome } = known;
      if (bodyHash !== entry.bodyHash)
        // The first of this key was refused for its body: this one may be right, and was not asked about.
        return outcome.status === 'reused' ? COME_AGAIN : REUSED;
      const isRepeated = seen.has(partition);
      seen.add(partition);
      return isRepeated && outcome.status === 'answered' ? { ...outcome, replayed: true } : outcome;
    });
  };
};

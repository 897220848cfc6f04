import { failuresOf, type PartialBatchAnswer } from '#batch/partial-batch';
import { isRetryable, PatternError } from '#primitives/errors';
import { MAX_TRIES, persist, type Pause } from '#batch/pause';
import { parseMessage, type Parsed } from '#batch/message';
import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { ReceivedMessage } from '#primitives/queue';
import { absent, equals, type Fields, type Table, type TransactionOutcome, type Write } from '#primitives/table';
import { ARRIVAL_BYTES, RELEASE_BYTES } from './event-size.ts';
import { mergeMessage, type MergeMessage } from './messages.ts';
import { mergeStep, NEW_KEY, type KeyState, type MergeStep, type Piece } from './merge-step.ts';
import { pieceFields, pieceOf, readPiece } from './piece-record.ts';
import type { Pipeline } from './pipeline.ts';
import { numberOf } from '#primitives/field-values';
import { countsOf, headKey, heldKey, heldPartition, laneOf, mergedKey, outputKey } from './records.ts';
import type { Unreadable } from './stage.ts';
import { wayFault } from './way-fault.ts';

export interface MergeOptions {
  readonly pipelines: ReadonlyMap<string, Pipeline>;
  readonly table: Table;
  readonly clock: Clock;
  readonly log: Log;
  readonly pause: Pause;
  /** How long what came out can be read. */
  readonly keepMs: number;
  /** Gives the messages that could not be given away. */
  readonly bury: (dead: readonly Unreadable[]) => Promise<readonly string[]>;
}

interface Arrival {
  readonly message: ReceivedMessage;
  readonly pipeline: string;
  readonly key: string;
  readonly piece: Piece;
}

/** What came of one lane, as much of it as one transaction takes. */
interface Part {
  readonly pipeline: string;
  readonly lane: number;
  readonly arrivals: Arrival[];
  bytes: number;
}

interface KeyWork {
  readonly key: string;
  readonly version: number;
  readonly state: KeyState;
  readonly step: MergeStep;
}

/**
 * Pieces in one transaction, which takes 100 writes: beside ten keys, ten pieces to be held and the head of the log, a
 * piece takes two, and the last number may have 16 of them.
 */
const RELEASE_LIMIT = 24;
const PAGE = 100;
const MAX_ROUNDS = 10_000;

const readState = (fields: Fields | undefined): KeyState =>
  fields === undefined
    ? NEW_KEY
    : { next: numberOf(fields.next), highestHeld: typeof fields.held === 'number' ? fields.held : -1 };

const onVersion = (version: number) => (version === 0 ? absent() : equals('version', version));

/**
 * The merger: what comes by several branches goes out in one log, the events of each key in the order of their numbers.
 *
 * **The order.** An event has its number within its key from when it was accepted. Number n of a key goes out when
 * everything of the numbers before it went out, and all of n has come: the event by each branch that it took, or the word
 * of a stage that it dropped it. So a key waits for the branch in which its next number is, and for no other; keys whose
 * next numbers are not in that branch go on. Which of two keys comes first is not promised.
 *
 * **The log.** It has 8 lanes, a key is in one of them. What goes out gets the next position of its lane, in the
 * transaction that says so of the key: positions have no gaps, and a reader that has seen one has seen all before it.
 *
 * A batch is of one lane (the messages' group), so two invocations do not meet; where they do (one was given up and still
 * runs), the versions of the records let one of them win. Nothing is changed by a repeat.
 *
 * API calls for ten events of one lane that come in order: one read, one transaction. A key that has waited: one read for
 * each hundred pieces or MB of it, and a transaction for each 24, or 1.25 MiB.
 */
export const merge = (options: MergeOptions) => {
  const { table, pause, log, keepMs, clock } = options;

  const heldOf = async (pipeline: string, key: string, { next, highestHeld }: KeyState): Promise<readonly Piece[]> => {
    if (highestHeld < next) return [];
    const pieces: Piece[] = [];
    let after: string | undefined;
    // Large events end a page before its count does: at least the first number has to be seen whole.
    do {
      const from = after === undefined ? {} : { after };
      const page = await persist('read held', pause, () =>
        table.query({ partition: heldPartition(pipeline, key), limit: PAGE, ...from }),
      );
      pieces.push(...page.records.map(({ fields }) => readPiece(fields)).filter(({ seq }) => seq >= next));
      after = page.next;
    } while (after !== undefined && pieces.length < PAGE && pieces.every(({ seq }) => seq === next));
    return pieces;
  };

  const look = async (pipeline: string, lane: number, arrivals: readonly Arrival[]) => {
    const byKey = new Map<string, Piece[]>();
    for (const { key, piece } of arrivals) byKey.set(key, [...(byKey.get(key) ?? []), piece]);
    const keys = [...byKey.keys()];
    const [head, ...states] = await persist('read merger', pause, () =>
      table.getMany([headKey(pipeline, lane), ...keys.map((key) => mergedKey(pipeline, key))]),
    );
    let [count, bytes] = [RELEASE_LIMIT, RELEASE_BYTES];
    const works: KeyWork[] = [];
    for (const [index, key] of keys.entries()) {
      if (count <= 0 || bytes <= 0) break;
      const fields = states[index];
      const state = readState(fields);
      const held = await heldOf(pipeline, key, state);
      const step = mergeStep(state, held, byKey.get(key) ?? [], { count, bytes });
      // A key's first number goes out whatever its size is, but not together with as much of other keys.
      if (bytes < RELEASE_BYTES && step.goneBytes > bytes) break;
      count -= step.goneCount;
      bytes -= step.goneBytes;
      works.push({ key, version: numberOf(fields?.version), state, step });
    }
    return { head, works, isPartial: works.length < keys.length };
  };

  const keyWrites = (pipeline: string, { key, version, step }: KeyWork): readonly Write[] => [
    {
      kind: 'put',
      key: mergedKey(pipeline, key),
      fields: { next: step.state.next, held: step.state.highestHeld, version: version + 1 },
      condition: onVersion(version),
    },
    ...step.hold.map((piece): Write => ({
      kind: 'put',
      key: heldKey(pipeline, key, piece.seq, piece.input),
      fields: pieceFields(piece),
    })),
    ...step.freed.map(({ seq, input }): Write => ({ kind: 'delete', key: heldKey(pipeline, key, seq, input) })),
  ];

  const outputWrites = (pipeline: string, lane: number, head: Fields | undefined, works: readonly KeyWork[]) => {
    const released = works.flatMap(({ step }) => step.released);
    if (released.length === 0) return [];
    const length = numberOf(head?.length);
    const inputs: Record<string, number> = { ...countsOf(head?.inputs) };
    for (const { input } of released) inputs[input] = (inputs[input] ?? 0) + 1;
    const expiresAtMs = clock.nowMs() + keepMs;
    return [
      ...released.map((piece, index): Write => ({
        kind: 'put',
        key: outputKey(pipeline, lane, length + index + 1),
        fields: pieceFields(piece),
        expiresAtMs,
      })),
      {
        kind: 'put',
        key: headKey(pipeline, lane),
        fields: { length: length + released.length, inputs },
        condition: head === undefined ? absent() : equals('length', length),
      } satisfies Write,
    ];
  };

  /** One transaction. Gives whether there is more to release; `undefined` when somebody else was there, or no answer. */
  const round = async (pipeline: string, lane: number, arrivals: readonly Arrival[]): Promise<boolean | undefined> => {
    const { head, works, isPartial } = await look(pipeline, lane, arrivals);
    const changed = works.filter(
      ({ state, step }) => step.state.next !== state.next || step.hold.length > 0 || step.freed.length > 0,
    );
    if (changed.length === 0) return false;
    const writes = [
      ...changed.flatMap((work) => keyWrites(pipeline, work)),
      ...outputWrites(pipeline, lane, head, changed),
    ];
    const outcome = await table.transact(writes).catch((error: unknown): TransactionOutcome => {
      if (!isRetryable(error)) throw error;
      return { status: 'conflict' };
    });
    // A page of what is held may end before what is there to release.
    const goesOn = isPartial || changed.some(({ step }) => step.goesOn || step.freed.length > 0);
    return outcome.status === 'written' ? goesOn : undefined;
  };

  const mergeLane = async (pipeline: string, lane: number, arrivals: readonly Arrival[], isOver: () => boolean) => {
    let failures = 0;
    for (let rounds = 1; rounds <= MAX_ROUNDS; rounds += 1) {
      const goesOn = await round(pipeline, lane, arrivals);
      if (goesOn === false) return;
      if (goesOn === undefined) {
        failures += 1;
        if (failures >= MAX_TRIES) break;
        await pause(failures);
      }
      if (isOver()) break;
    }
    throw new PatternError('event-driven/not-merged', `${pipeline}, lane ${lane}: not merged`, { retryable: true });
  };

  const faultOf = (parsed: Parsed<MergeMessage>): string | undefined => {
    if (!parsed.ok) return parsed.reason;
    const pipeline = options.pipelines.get(parsed.value.pipeline);
    if (pipeline?.merger !== parsed.value.stage) return 'invalid message: there is no such merger';
    // A table refuses such an input, and with it all that is written in the same transaction.
    const fault = wayFault(pipeline, parsed.value);
    return fault === undefined ? undefined : `invalid message: ${fault}`;
  };

  const read = (messages: readonly ReceivedMessage[]) => {
    const lanes = new Map<string, Part[]>();
    const unreadable: Unreadable[] = [];
    for (const message of messages) {
      const parsed = parseMessage<MergeMessage>(mergeMessage, message.body);
      const reason = faultOf(parsed);
      if (!parsed.ok || reason !== undefined) {
        unreadable.push({ message, reason: reason ?? '' });
        continue;
      }
      const { pipeline } = parsed.value;
      const arrival = { message, pipeline, ...pieceOf(parsed.value) };
      const lane = laneOf(arrival.key);
      const name = `${pipeline}/${lane}`;
      const bytes = Buffer.byteLength(message.body);
      const known = lanes.get(name)?.at(-1);
      if (known !== undefined && known.bytes + bytes <= ARRIVAL_BYTES) {
        known.arrivals.push(arrival);
        known.bytes += bytes;
      } else lanes.set(name, [...(lanes.get(name) ?? []), { pipeline, lane, bytes, arrivals: [arrival] }]);
    }
    return { parts: [...lanes.values()].flat(), unreadable };
  };

  /** @param isOver Asked between two transactions: when it holds the rest is left to another delivery. */
  return async (messages: readonly ReceivedMessage[], isOver: () => boolean): Promise<PartialBatchAnswer> => {
    const { parts, unreadable } = read(messages);
    const again = [...(await options.bury(unreadable))];
    for (const { pipeline, lane, arrivals } of parts) {
      try {
        await mergeLane(pipeline, lane, arrivals, isOver);
      } catch (error) {
        log.error('not merged, it will come again', { error, pipeline, lane, count: arrivals.length });
        again.push(...arrivals.map(({ message }) => message.id));
      }
    }
    return failuresOf(again);
  };
};

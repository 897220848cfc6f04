import { checkInteger, checkNames, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import type { Fields, Json, Key, Table } from '#primitives/table';
import { recordFault } from '../json-fault.ts';
import { json } from '../message.ts';
import { jitteredPause, persist } from '../pause.ts';
import { jsonOf } from '#primitives/field-values';
import { isPermanent, readPayload } from './run-items.ts';
import { PermanentFailure, SkippedItem, type Worker, type WorkContext, type WorkItem } from './types.ts';

export interface MultiWorkerOptions {
  /** What items ask for. 1..64 characters. */
  readonly name: string;
  /** Workers that each do their part of an item, 1..16, side by side. JSON writes their names as they are. */
  readonly parts: readonly Worker[];
  /** Where it is kept which parts of a failed item were done: the table of effects, or another one. */
  readonly markers: Table;
  readonly clock: Clock;
  readonly random: Random;
  /** How long markers are kept: longer than any redelivery or redrive. At least 15 days. */
  readonly keepMs: number;
}

const KEEP_AT_LEAST_MS = 15 * 24 * 3_600_000;
const MAX_PARTS = 16;

/** A marker's output stands in a list, so that one of nothing is there as well. */
type Outcome =
  | { readonly status: 'done'; readonly output: Json }
  | { readonly status: 'failed'; readonly error: unknown };

const markerKey = (effectKey: string): Key => ({ partition: effectKey, sort: 'parts' });

const doneIn = (marker: Fields | undefined, { name }: Worker): Outcome | undefined => {
  const stored = jsonOf(marker?.[`part ${name}`]);
  return Array.isArray(stored) ? { status: 'done', output: (stored as readonly Json[])[0] ?? null } : undefined;
};

const checked = ({ name, parts, keepMs, ...rest }: MultiWorkerOptions): void => {
  checkNames({ name, parts, keepMs, ...rest }, ['name', 'parts', 'markers', 'clock', 'random', 'keepMs']);
  checkInteger('parts', parts.length, 1, MAX_PARTS);
  const twice = parts.find((part, index) => parts.findIndex((other) => other.name === part.name) !== index);
  if (twice !== undefined) throw refuse('parts', 'workers of different names', twice.name);
  // V8 of Node 24 may take one key of JSON for another where both have escapes (nodejs/node#63785).
  const escaped = parts.find((part) => JSON.stringify(part.name) !== `"${part.name}"`);
  if (escaped !== undefined) throw refuse('parts', 'of names that JSON writes without an escape', escaped.name);
  checkInteger('keepMs', keepMs, KEEP_AT_LEAST_MS, Number.MAX_SAFE_INTEGER);
};

/** The error that decides what becomes of the item: one after which no attempt is of use, before any other. */
const worst = (failures: readonly { readonly part: string; readonly error: unknown }[]): Error => {
  const { part, error } = failures.find((each) => isPermanent(each.error)) ?? failures[0] ?? { part: '', error: '' };
  const reason = `${part}: ${error instanceof Error ? error.message || error.name : String(error)}`;
  return isPermanent(error) ? new PermanentFailure(reason, error) : new Error(reason, { cause: error });
};

/**
 * Several workers that stand before the queue as one: an item is acknowledged when all of them have done their part, and
 * its output holds that of each by name. Each part gets the item's payload, and is known by its name.
 *
 * The failure of one is tried again for that one alone: what the others did is marked, and not done again, at the next
 * attempt nor after a redrive. A crash before the marker was written: all parts that ran run again, as with any worker.
 * A part that has nothing to do (`SkippedItem`) has null as its output.
 *
 * API calls for an item: none when all parts are done at the first attempt; 1 for a failure (the marker) and 1 for each
 * further attempt (to read it).
 *
 * @see Burns, Designing Distributed Systems, chapter 11 (the multi-worker pattern)
 */
export const multiWorker = (options: MultiWorkerOptions): Worker<Json, { readonly [part: string]: Json }> => {
  checked(options);
  const { name, parts, markers, clock, keepMs } = options;
  const pause = jitteredPause(options);

  const runPart = async (part: Worker, item: WorkItem, context: WorkContext): Promise<Outcome> => {
    const payload = readPayload(part, item.payload);
    if (!payload.ok) return { status: 'failed', error: new PermanentFailure(`invalid payload: ${payload.reason}`) };
    try {
      const output = await part.run({ ...item, payload: payload.value }, context);
      const fault = recordFault('output', output);
      if (fault === undefined) return { status: 'done', output };
      return { status: 'failed', error: new PermanentFailure(`the output cannot be recorded: ${fault}`) };
    } catch (error) {
      return error instanceof SkippedItem ? { status: 'done', output: null } : { status: 'failed', error };
    }
  };

  const markerOf = async ({ isFirst, effectKey }: WorkContext): Promise<Fields | undefined> => {
    if (isFirst) return undefined;
    const read = async () => ({ fields: await markers.get(markerKey(effectKey)) });
    return (await persist('read parts', pause, read)).fields;
  };

  return Object.freeze<Worker<Json, { readonly [part: string]: Json }>>({
    name,
    payload: json,
    run: async (item, context) => {
      const marker = await markerOf(context);
      const known = parts.map((part) => doneIn(marker, part));
      const outcomes = await Promise.all(
        parts.map(async (part, index) => known[index] ?? runPart(part, item, context)),
      );
      const named = parts.map((part, index) => [part.name, outcomes[index]] as const);
      const outputs = named.flatMap(([part, outcome]): [string, Json][] =>
        outcome?.status === 'done' ? [[part, outcome.output]] : [],
      );
      if (outputs.length === parts.length) return Object.fromEntries(outputs);
      const fresh = outputs.filter(([part]) => doneIn(marker, { name: part } as Worker) === undefined);
      if (fresh.length > 0) {
        const set = Object.fromEntries(fresh.map(([part, output]) => [`part ${part}`, [output]]));
        const key = markerKey(context.effectKey);
        await persist('mark parts', pause, () => markers.update({ key, set, expiresAtMs: clock.nowMs() + keepMs }));
      }
      throw worst(
        named.flatMap(([part, outcome]) => (outcome?.status === 'failed' ? [{ part, error: outcome.error }] : [])),
      );
    },
  });
};

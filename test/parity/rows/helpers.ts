import { setTimeout as sleep } from 'node:timers/promises';
import type { ParityPlace, ParityQueue } from '../place.ts';
import { eventually } from '../wait.ts';
import type { ProbeRecord, Sighting } from '../service/orders.ts';

export const REPORTING = { FunctionResponseTypes: ['ReportBatchItemFailures' as const] };

/** Long enough that no message comes again while a row runs. */
export const HIDDEN = { VisibilityTimeout: '60' };

export const numbered = (count: number): readonly { readonly n: number }[] =>
  Array.from({ length: count }, (_, n) => ({ n }));

export const ascending = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b);

/** The `n` of everything seen, in the order in which it was seen. */
export const numbersIn = (seen: readonly Sighting[]): readonly number[] => seen.flatMap(({ numbers }) => numbers);

export const recordsIn = (seen: readonly Sighting[]): readonly ProbeRecord[] =>
  seen.flatMap(({ event }) => (event as { readonly Records?: readonly ProbeRecord[] } | undefined)?.Records ?? []);

export const receiveCounts = (seen: readonly Sighting[]): readonly (string | undefined)[] =>
  recordsIn(seen).map(({ attributes }) => attributes?.['ApproximateReceiveCount']);

/** The most invocations that ran at the same time. */
export const mostAtOnce = (seen: readonly Sighting[]): number =>
  Math.max(
    0,
    ...seen.map(
      ({ startedAtMs: atMs }) =>
        seen.filter(({ startedAtMs, endedAtMs = Number.POSITIVE_INFINITY }) => startedAtMs <= atMs && endedAtMs > atMs)
          .length,
    ),
  );

/** Without those that a cold start kept until their time was over: their messages came again, and are seen again. */
export const finished = (seen: readonly Sighting[]): readonly Sighting[] =>
  seen.filter(({ endedAtMs }) => endedAtMs !== undefined);

/** A message on its way from visible to hidden is in neither count for a moment in some places. */
const CONFIRM_MS = 300;

/** Waits until a queue holds nothing any more, and still nothing a moment later. */
export const drained = (place: ParityPlace, queue: ParityQueue): Promise<void> =>
  eventually('every message is deleted', async () => {
    if ((await place.depth(queue)) > 0) return false;
    await sleep(CONFIRM_MS);
    return (await place.depth(queue)) === 0;
  });

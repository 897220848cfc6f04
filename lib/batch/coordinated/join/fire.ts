import { isRetryable } from '#primitives/errors';
import { absent, equals } from '#primitives/table';
import { persist } from '../../pause.ts';
import { effectKey, headKey, type Head } from './records.ts';
import type { JoinStore } from './store.ts';

/** How a join ends, and for how many. */
export interface End {
  readonly status: 'fired' | 'failed';
  readonly outcome: 'complete' | 'deadline';
  readonly expected: number;
  readonly arrived: number;
}

const SOURCE = 'distributed-patterns.coordinated';

/**
 * Tells the bus how a join has ended, and notes that it was told. At least once: `detail.id` is the same each time.
 *
 * API calls: 2.
 */
const publishEnd = async (store: JoinStore, joinId: string, end: End): Promise<void> => {
  const { bus, table, pause } = store;
  const { status, outcome, expected, arrived } = end;
  const event = {
    source: SOURCE,
    type: `join.${status}`,
    detail: { id: `join:${joinId}`, joinId, outcome, expected, arrived },
  };
  await persist('publish join', pause, async () => {
    const [answer] = await bus.publish([event]);
    return answer?.ok === true ? true : undefined;
  });
  await persist('note event', pause, () =>
    table.update({ key: headKey(joinId), set: { published: true }, condition: equals('status', status) }),
  );
};

/** Publishes what an earlier end has left unpublished. */
export const publishIfNeeded = async (store: JoinStore, joinId: string, head: Head): Promise<void> => {
  if (head.status === 'waiting' || head.published) return;
  const { status, outcome = 'complete', expected, arrived } = head;
  await publishEnd(store, joinId, { status, outcome, expected, arrived });
};

/**
 * Ends a join: its state and, when it fires, its effect are written by one transaction, on the condition that it still
 * waits. So whoever comes first decides between success and timeout, and a second one changes nothing.
 *
 * A crash behind the transaction leaves the event unpublished: the next look at the join publishes it.
 *
 * API calls: 3.
 *
 * @returns How the join has ended, by this call or before it.
 */
export const endJoin = async (
  store: JoinStore,
  joinId: string,
  end: End,
  expiresAtMs: number,
): Promise<End['status'] | 'waiting'> => {
  const { table, effects, clock, pause } = store;
  const settledAtMs = clock.nowMs();
  const { status, outcome, expected, arrived } = end;
  const head = {
    kind: 'update',
    key: headKey(joinId),
    set: { ...end, settledAtMs },
    condition: equals('status', 'waiting'),
  } as const;
  const effect = {
    kind: 'put',
    table: effects,
    key: effectKey(joinId),
    fields: { joinId, status: 'done', outcome, expected, arrived, atMs: settledAtMs },
    condition: absent(),
    expiresAtMs,
  } as const;
  const written = await persist('end join', pause, async () => {
    const answer = await table.transact(status === 'fired' ? [head, effect] : [head]);
    return answer.status === 'conflict' ? undefined : answer;
  });
  if (written.status === 'written') {
    await publishEnd(store, joinId, end);
    return status;
  }
  // Another has ended it, or we have, and the answer was lost: what stands is what counts.
  const known = await store.head(joinId);
  if (known !== undefined) await publishIfNeeded(store, joinId, known);
  return known?.status ?? 'waiting';
};

/** Whether what failed is done by the next look at the join anyway. */
export const isLeftToWatch = (error: unknown): boolean => isRetryable(error);

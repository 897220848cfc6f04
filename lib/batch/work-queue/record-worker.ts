import type { Clock } from '#primitives/clock';
import type { Json } from '#primitives/table';
import { json } from '../message.ts';
import type { WorkContext, Worker, WorkItem } from './types.ts';

/** Tells somebody outside of an item, at least once, always under the same key. Rejects when it was not taken. */
export type Post = (item: WorkItem, context: WorkContext) => Promise<void>;

const MAX_MS = 900_000;

interface Misbehaviour {
  readonly fail?: Json | undefined;
  readonly takesMs?: Json | undefined;
}

const misbehaviourOf = (payload: Json): Misbehaviour =>
  typeof payload === 'object' && payload !== null && !Array.isArray(payload) ? (payload as Misbehaviour) : {};

/**
 * Does nothing but leave its effect, which every worker does: shows that each item has one. Any payload will do; it is
 * the output as well.
 *
 * @param options `misbehaves`: whether `{fail: 'always'}`, `{fail: 'once'}` (at the first attempt) and `{takesMs}` in
 *   a payload do what they say; for local stages. `post` is called before the effect is recorded.
 */
export const recordWorker = (options: {
  readonly clock: Clock;
  readonly misbehaves: boolean;
  readonly post?: Post;
}): Worker<Json> => {
  const { clock, misbehaves, post } = options;
  return Object.freeze<Worker<Json>>({
    name: 'record',
    payload: json,
    run: async (item, context) => {
      const { fail, takesMs } = misbehaves ? misbehaviourOf(item.payload) : {};
      if (typeof takesMs === 'number') await clock.sleep(Math.min(takesMs, MAX_MS), context.signal);
      if (fail === 'always') throw new Error("the payload said to fail 'always'");
      if (fail === 'once' && context.attempt === 1) throw new Error("the payload said to fail 'once'");
      await post?.(item, context);
      return item.payload;
    },
  });
};

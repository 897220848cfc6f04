import type { GenericSchema } from 'valibot';
import type { ReceivedMessage } from '#primitives/queue';
import type { Json } from '#primitives/table';
import { distinct } from './job-plan.ts';
import { parseMessage } from '../message.ts';
import { PermanentFailure, type WorkItem, type WorkSource } from './types.ts';

const PAGE_COUNT = 250;

/**
 * The items that a message carries: what other services send becomes a job without a form of ours. Of several items with
 * one id the first counts. Needs no API call.
 *
 * @param options `items`: reads the body's JSON and gives the items, e.g. a valibot pipe with a transform.
 * @throws {@link PermanentFailure} when the body is not JSON, or not as `items` wants it: no other attempt would read it.
 */
export const messageSource = (options: {
  readonly message: Pick<ReceivedMessage, 'body'>;
  readonly items: GenericSchema<unknown, readonly WorkItem<Json>[]>;
}): WorkSource => {
  const parsed = parseMessage(options.items, options.message.body);
  if (!parsed.ok) throw new PermanentFailure(parsed.reason);
  const items = distinct(parsed.value);
  const payloads = new Map(items.map(({ id, payload }) => [id, payload]));

  return Object.freeze<WorkSource>({
    list: async (after) => {
      const from = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1;
      const ids = items.slice(from, from + PAGE_COUNT).map(({ id }) => id);
      const last = ids.at(-1);
      return { ids, ...(last === undefined || from + ids.length >= items.length ? {} : { next: last }) };
    },
    get: async (id) => payloads.get(id) ?? null,
  });
};

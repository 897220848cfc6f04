import * as v from 'valibot';
import { issueText } from '#batch/message';
import { checkInteger, checkNames, checkText, refuse } from '#primitives/checks';
import { messageFault } from '#primitives/queue-limits';
import { queueText } from '#primitives/queue-text';
import { KINDS, reducerOf, type ReductionKind } from './kinds.ts';
import { bounds, items as itemList } from './messages.ts';
import type { ReductionItem } from './reducer.ts';
import { MAX_FAN_IN, MAX_PART_ITEMS, MIN_FAN_IN, type ReductionPlan } from './types.ts';

const MAX_PREFIX_BYTES = 1_024;

/** By the same schema as a message: what is let through here is let through there. */
const checkBy = (name: string, expected: string, schema: v.GenericSchema<unknown, unknown>, value: unknown): void => {
  const { success, issues } = v.safeParse(schema, value, { abortEarly: true });
  if (!success) throw refuse(name, `${expected} (${issueText(issues[0])})`, value);
};

/** @throws {@link InvalidArgumentError} when an item is none, or none of this kind */
export const checkItems = (
  items: readonly ReductionItem[],
  kind: ReductionKind,
  buckets: readonly number[] | undefined,
): void => {
  checkBy('items', `at most ${MAX_PART_ITEMS} items`, itemList, items);
  const reducer = reducerOf(kind, buckets);
  for (const [at, item] of items.entries()) {
    const fault = reducer.fault(item);
    if (fault !== undefined) throw refuse(`items.${at}`, `an item for '${kind}' (${fault})`, item);
  }
};

/** @throws {@link InvalidArgumentError} when no message holds it: what is promised has to be sent */
export const checkSendable = (name: string, value: unknown, message: object): void => {
  const fault = messageFault({ body: queueText(JSON.stringify(message)) }, false);
  if (fault !== undefined) throw refuse(name, `what a message holds (it would be ${fault})`, value);
};

/** @throws {@link InvalidArgumentError} when `plan` asks for no reduction, or for more than one */
export const checkPlan = (plan: ReductionPlan): void => {
  checkNames(plan, ['kind', 'items', 'source', 'open', 'fanIn', 'buckets']);
  const { kind, items, source, fanIn, buckets } = plan;
  // Also where nobody checks types.
  const { open }: { readonly open?: unknown } = plan;
  if (!KINDS.includes(kind)) throw refuse('kind', `one of ${KINDS.join(', ')}`, kind);
  if (open !== undefined && open !== true) throw refuse('open', 'true, or left out', open);
  if ([items, source, open].filter((each) => each !== undefined).length !== 1)
    throw refuse('plan', "exactly one of 'items', 'source' and 'open'", plan);
  if (fanIn !== undefined) checkInteger('fanIn', fanIn, MIN_FAN_IN, MAX_FAN_IN);
  if (buckets !== undefined) {
    if (kind !== 'histogram') throw refuse('buckets', 'left out, but for a histogram', buckets);
    checkBy('buckets', 'rising bounds', bounds, buckets);
  }
  if (items !== undefined) checkItems(items, kind, buckets);
  if (source === undefined) return;
  checkNames(source, ['bucket', 'prefix']);
  checkText('source.bucket', source.bucket, 3, 63);
  checkText('source.prefix', source.prefix, 0, MAX_PREFIX_BYTES);
};

import { reducerOf, type ReductionKind } from '#batch/coordinated/reduce/kinds';
import type { ReductionItem } from '#batch/coordinated/reduce/reducer';
import type { Reductions } from '#batch/coordinated/reduce/reductions';
import { problem, type Handler } from '#http/handlers';
import { isRetryable } from '#primitives/errors';
import type { Objects } from '#primitives/objects';
import type { reductionRoutes } from './reduction-routes.ts';

type Routes = typeof reductionRoutes;

const noReduction = (id: string) => problem(404, { detail: `There is no reduction '${id}'.` });

/** What each item has wrong, in the form of the answer's `errors`. */
const itemErrors = (kind: ReductionKind, buckets: readonly number[] | undefined, items: readonly ReductionItem[]) => {
  const reducer = reducerOf(kind, buckets);
  return Object.fromEntries(
    items.flatMap((item, index): [string, string[]][] => {
      const fault = reducer.fault(item);
      return fault === undefined ? [] : [[`items.${index}`, [fault]]];
    }),
  );
};
const badItems = (errors: Readonly<Record<string, string[]>>) =>
  Object.keys(errors).length === 0
    ? undefined
    : problem(400, { detail: 'An item does not fit the kind of reduction.', errors });

/** A bucket that cannot be listed now will not be listed later either; better to say so at once. */
export const sourceRefusal = async (bucket: Objects) => {
  try {
    await bucket.list({ limit: 1 });
    return undefined;
  } catch (error) {
    if (isRetryable(error)) throw error;
    const refusal = `Bucket '${bucket.name}' cannot be listed.`;
    return problem(400, { detail: refusal, errors: { 'source.bucket': [refusal] } });
  }
};

/** What answers the routes of reductions. */
export const reductionHandlers = (
  reductions: Reductions,
  bucketOf: (name: string) => Objects,
): { readonly [name in keyof Routes]: Handler<Routes[name]> } => ({
  createReduction: async ({ body, operationId }) => {
    const { kind, buckets, items = [], source } = body;
    const refusal = badItems(itemErrors(kind, buckets, items));
    if (refusal !== undefined) return refusal;
    const noSource = source === undefined ? undefined : await sourceRefusal(bucketOf(source.bucket));
    if (noSource !== undefined) return noSource;
    await reductions.create(operationId, body);
    return { status: 202, body: { reductionId: operationId } };
  },
  addReductionItems: async ({ params: { id }, body: { items }, operationId }) => {
    const head = await reductions.head(id);
    if (head === undefined) return noReduction(id);
    const refusal = badItems(itemErrors(head.kind, head.bounds, items));
    if (refusal !== undefined) return refusal;
    const outcome = await reductions.add(id, operationId, items);
    if (outcome === 'unknown') return noReduction(id);
    if (outcome !== 'accepted')
      return problem(409, { detail: `Reduction '${id}' takes no items: it is closed, or was never open.` });
    return { status: 202, body: { reductionId: id, accepted: items.length } };
  },
  closeReduction: async ({ params: { id } }) => {
    const outcome = await reductions.close(id);
    if (outcome === 'unknown') return noReduction(id);
    if (outcome === 'not-open') return problem(409, { detail: `Reduction '${id}' was never open.` });
    return { status: 202, body: { reductionId: id } };
  },
  reduction: async ({ params: { id } }) => {
    const view = await reductions.view(id);
    return view === undefined ? noReduction(id) : { status: 200, body: { reductionId: id, ...view } };
  },
});

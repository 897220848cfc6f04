import type { Joins } from '#batch/coordinated/join/join';
import { problem, type Handler } from '#http/handlers';
import { badCursor } from '../bad-cursor.ts';
import type { joinRoutes } from './join-routes.ts';

type Routes = typeof joinRoutes;

const noJoin = (id: string) => problem(404, { detail: `There is no join '${id}'.` });

/** What answers the routes of joins. */
export const joinHandlers = (joins: Joins): { readonly [name in keyof Routes]: Handler<Routes[name]> } => ({
  createJoin: async ({ body, operationId }) => {
    await joins.create(operationId, body);
    return { status: 201, body: { joinId: operationId } };
  },
  addBranches: async ({ params: { id }, body: { items }, operationId }) => {
    const outcome = await joins.add(id, operationId, items);
    if (outcome === 'unknown') return noJoin(id);
    if (outcome === 'closed')
      return problem(409, { detail: `Join '${id}' takes no branches: it is closed, has ended, or was never open.` });
    if (outcome === 'too-many') return problem(409, { detail: `Join '${id}' has as many parts as a join may have.` });
    return { status: 202, body: { joinId: id, accepted: items.length } };
  },
  closeJoin: async ({ params: { id } }) =>
    (await joins.close(id)) === 'unknown' ? noJoin(id) : { status: 202, body: { joinId: id } },
  arrive: async ({ params: { id, branch }, body: { data } }) => {
    const outcome = await joins.arrive(id, branch, data);
    if (outcome === 'unknown-join') return noJoin(id);
    if (outcome === 'unknown-branch') return problem(404, { detail: `Join '${id}' does not wait for this branch.` });
    return { status: 200, body: outcome };
  },
  join: async ({ params: { id } }) => {
    const view = await joins.view(id);
    return view === undefined ? noJoin(id) : { status: 200, body: { joinId: id, ...view } };
  },
  arrivals: async ({ params: { id }, query: { cursor } }) => {
    if ((await joins.view(id)) === undefined) return noJoin(id);
    const page = await joins.arrivals(id, cursor);
    return page === undefined ? badCursor() : { status: 200, body: page };
  },
});

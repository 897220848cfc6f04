import { problem } from '#http/handlers';

/** The answer to a cursor that no page has given. */
export const badCursor = () =>
  problem(400, {
    detail: 'The cursor was not given by this route.',
    errors: { cursor: ['Expected a cursor of a page.'] },
  });

import { OutcomeUnknownError } from '#primitives/errors';
import { absent, equals } from '#primitives/table';
import { untilAnswered } from '#resilience/until-answered';
import type { MakeJoins } from './simulated.ts';

const keyOf = (joinId: string) => ({ partition: `count/${joinId}`, sort: 'count' });

/** A wrong join: it counts arrivals instead of remembering who has arrived. */
export const addingJoin: MakeJoins = ({ table, effects }) => {
  const addOne = async (joinId: string): Promise<{ readonly count: number; readonly expected: number }> => {
    for (;;) {
      try {
        const known = await table.get(keyOf(joinId));
        const [count, expected] = [Number(known?.['count'] ?? 0), Number(known?.['expected'] ?? 0)];
        const outcome = await table.update({
          key: keyOf(joinId),
          set: { count: count + 1 },
          condition: equals('count', count),
        });
        if (outcome.status === 'written') return { count: count + 1, expected };
      } catch (error) {
        // As the SDK does with ADD.
        if (!(error instanceof OutcomeUnknownError)) throw error;
      }
    }
  };
  return {
    create: async (joinId, { branches = [] }) => {
      const fields = { count: 0, expected: branches.length };
      await untilAnswered(() => table.put({ key: keyOf(joinId), fields, condition: absent() }));
      return 'made';
    },
    arrive: async (joinId, branch) => {
      const { count, expected } = await addOne(joinId);
      // For the checker, which looks where the right one notes it down.
      await table.update({ key: { partition: `join/${joinId}`, sort: 'bucket/00' }, set: { [`b:${branch}`]: 1 } });
      if (count >= expected)
        await effects.put({ key: { partition: `join:${joinId}`, sort: 'effect' }, fields: { joinId, count } });
      return { arrival: 'recorded', status: count >= expected ? 'fired' : 'waiting' };
    },
  };
};

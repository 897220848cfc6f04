import type { PipelineEvent } from '#batch/event-driven/types';
import { allFive } from '../../../../functions/batch/event-driven/pipelines.ts';
import type { Expected } from './simulated.ts';

const TYPES = ['order.placed', 'visit', 'order.paid', 'noise'];

/** Events of all kinds: some are filtered for one reason or the other, one in `poisonEvery` always fails. */
export const someEvents = (count: number, options: { readonly keys: number; readonly poisonEvery: number }) =>
  Array.from({ length: count }, (_, n): PipelineEvent => {
    // The type does not follow from the key: events of a key take different ways.
    const type = TYPES[(n + Math.floor(n / options.keys)) % TYPES.length] ?? '';
    const isPoison = n % options.poisonEvery === options.poisonEvery - 1;
    const data = { n, ...(n % 11 === 3 ? { test: true } : {}), ...(isPoison ? { fail: 'always' } : {}) };
    return { id: `e${n}`, key: `k${n % options.keys}`, type, data };
  });

const field = ({ data }: PipelineEvent, name: string): unknown => (data as Readonly<Record<string, unknown>>)[name];

export const allFivePipeline = allFive({ misbehaves: true });

const reasonOf = (event: PipelineEvent): string | undefined =>
  event.type === 'noise' ? 'noise' : field(event, 'test') === true ? 'test' : undefined;

export const expectedOf = (events: readonly PipelineEvent[]): Expected => ({
  pipeline: allFivePipeline,
  events,
  isFiltered: reasonOf,
  // The stage that fails comes behind the filter.
  isPoison: (event) => field(event, 'fail') === 'always' && reasonOf(event) === undefined,
});

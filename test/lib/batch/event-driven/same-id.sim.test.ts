import type { PipelineEvent } from '#batch/event-driven/types';
import { seeds, type Scenario } from '#simulation/sweep';
import { world } from '#simulation/world';
import { allFivePipeline } from './all-five-events.ts';
import { holdEnd, outputOf, pipelinesIn } from './simulated.ts';

const FAULT_LIMIT_COUNT = 6;
const eventsOf = (count: number, keys: string, v: number): readonly PipelineEvent[] =>
  Array.from({ length: count }, (_, n) => ({ id: `e${n}`, key: `${keys}${n}`, type: 'visit', data: { v } }));

/** The same ids at once with other keys and content, then events that count, of the keys of those that did not. */
const scenario: Scenario = async (w) => {
  const place = pipelinesIn(w, { pipelines: [allFivePipeline], maxReceiveCount: FAULT_LIMIT_COUNT + 2 });
  const first = eventsOf(60, 'k', 1);
  const third = eventsOf(5, 'x', 3).map((event) => ({ ...event, id: `new-${event.id}` }));
  await place.submit('all-five', 'first', first);
  await place.submit('all-five', 'second', eventsOf(60, 'x', 2));
  await place.submit('all-five', 'third', third);
  await w.untilQuiet();
  const events = [...first, ...third];
  await holdEnd(w, place, {
    pipeline: allFivePipeline,
    events,
    isFiltered: () => undefined,
    isPoison: () => false,
  });
  const out = await outputOf(w, place, 'all-five');
  const contents = new Map(out.map(({ id, key, data }) => [id, { key, data }]));
  for (const { id, key, data } of events) expect([id, contents.get(id)]).toEqual([id, { key, data }]);
};

test('an id that comes again with another key and content: the first counts, whatever crashes, is lost or comes twice', async () => {
  const { faultCount } = await seeds(scenario, { count: 8, faultLimitCount: FAULT_LIMIT_COUNT });
  expect(faultCount).toBeGreaterThan(20);
}, 120_000);

test('within one list the first event of an id counts, in whatever part of the list the others are', async () => {
  const w = world({ seed: 1 });
  const place = pipelinesIn(w, { pipelines: [allFivePipeline], maxReceiveCount: 3 });
  const [first, others] = [eventsOf(5, 'k', 1), eventsOf(120, 'x', 2)];
  await place.submit('all-five', 'list', [...first, ...others.slice(0, 50), ...first, ...others]);
  await w.untilQuiet();
  const out = await outputOf(w, place, 'all-five');
  expect(out).toHaveLength(120);
  expect(out.filter(({ key }) => key.startsWith('k')).map(({ id }) => id)).toHaveLength(5);
  expect(out.every(({ seq }) => seq === 0)).toBe(true);
});

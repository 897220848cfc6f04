import { pipeline } from '#batch/event-driven/pipeline';
import { conservationProblems } from '#batch/event-driven/progress';
import { filter, merger } from '#batch/event-driven/steps';
import type { PipelineEvent } from '#batch/event-driven/types';
import { world } from '#simulation/world';
import { pipelinesIn } from './simulated.ts';

test('a reason that is called as what every object inherits is counted as the others', async () => {
  const made = pipeline({
    name: 'made',
    first: 'keep',
    stages: {
      keep: filter({ to: 'merge', drop: { toString: ({ type }: PipelineEvent) => type === 'x' } }),
      merge: merger(),
    },
  });
  const w = world({ seed: 1 });
  const place = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  const events = ['x', 'y', 'x'].map((type, n) => ({ id: `e${n}`, key: 'k', type, data: null }));
  await place.submit('made', 'list', events);
  await w.untilQuiet();
  const progress = await w.until(place.api.progress('made'));
  if (progress === undefined) throw new Error('No progress.');
  expect(conservationProblems(made, progress, true)).toEqual([]);
  expect(progress.stages[0]).toMatchObject({ in: 3, out: 1, filtered: { toString: 2 } });
});

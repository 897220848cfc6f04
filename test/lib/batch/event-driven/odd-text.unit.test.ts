import { pipeline } from '#batch/event-driven/pipeline';
import { merger, worker } from '#batch/event-driven/steps';
import { world } from '#simulation/world';
import { outputOf, pipelinesIn } from './simulated.ts';

test('characters that SQS refuses and JSON does not go through, and hold nobody up', async () => {
  const made = pipeline({
    name: 'made',
    first: 'work',
    stages: { work: worker({ to: 'merge', does: () => ({ data: 'made \uFFFF' }) }), merge: merger() },
  });
  const w = world({ seed: 1 });
  const place = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  await place.submit('made', 'list', [
    { id: 'a\uFFFE', key: 'k', type: 't', data: '\uFFFF' },
    { id: 'b', key: 'k', type: 't', data: null },
  ]);
  await w.untilQuiet();
  expect((await outputOf(w, place, 'made')).map(({ id, data }) => [id, data])).toEqual([
    ['a\uFFFE', 'made \uFFFF'],
    ['b', 'made \uFFFF'],
  ]);
  expect(await w.until(place.deadLetters.receive({ maxCount: 10 }))).toEqual([]);
});

import { pipeline } from '#batch/event-driven/pipeline';
import { merger, worker } from '#batch/event-driven/steps';
import { world } from '#simulation/world';
import { outputOf, pipelinesIn } from './simulated.ts';

test('urgent events do not wait behind a backlog of others', async () => {
  const slow = pipeline({
    name: 'slow',
    first: 'mail',
    stages: {
      mail: worker({ to: 'merge', urgent: ({ type }) => type === 'urgent', does: () => ({}) }),
      merge: merger(),
    },
  });
  const w = world({ seed: 3 });
  const place = pipelinesIn(w, { pipelines: [slow], maxReceiveCount: 5, stalled: ['slow-mail'] });
  const events = (type: string, count: number) =>
    Array.from({ length: count }, (_, n) => ({ id: `${type}-${n}`, key: `${type}-${n}`, type, data: null }));
  await place.submit('slow', 'backlog', events('normal', 300));
  await place.submit('slow', 'urgent', events('urgent', 20));
  await w.untilQuiet();
  // The backlog has not moved at all, and what is urgent is through.
  expect((await outputOf(w, place, 'slow')).map(({ type }) => type)).toEqual(
    Array.from({ length: 20 }, () => 'urgent'),
  );
  place.resume('slow-mail');
  await w.untilQuiet();
  expect(await outputOf(w, place, 'slow')).toHaveLength(320);
});

import { pipeline } from '#batch/event-driven/pipeline';
import { merger, worker } from '#batch/event-driven/steps';
import { PermanentFailure } from '#batch/work-queue/types';
import type { PipelineEvent } from '#batch/event-driven/types';
import { conservationProblems } from '#batch/event-driven/progress';
import { world } from '#simulation/world';
import { outputOf, pipelinesIn } from './simulated.ts';

const run = async (does: (event: PipelineEvent, attempt: number) => object, events = ['a', 'b', 'c']) => {
  const made = pipeline({
    name: 'made',
    first: 'work',
    stages: { work: worker({ to: 'merge', does }), merge: merger() },
  });
  const w = world({ seed: 2 });
  const place = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  // All of one key, so that a failed one is between others.
  await place.submit(
    'made',
    'list',
    events.map((id) => ({ id, key: 'k', type: 't', data: null })),
  );
  await w.untilQuiet();
  const progress = await w.until(place.api.progress('made'));
  if (progress === undefined) throw new Error('No progress.');
  expect(conservationProblems(made, progress, true)).toEqual([]);
  const letters = await w.until(place.deadLetters.receive({ maxCount: 10 }));
  return { out: await outputOf(w, place, 'made'), progress, letters };
};
const stageOf = (progress: Awaited<ReturnType<typeof run>>['progress']) => progress.stages[0];

test('what fails at first is tried again, and keeps its place in the order', async () => {
  const { out, progress, letters } = await run(({ id }, attempt) => {
    if (id === 'a' && attempt < 3) throw new Error('not yet');
    return { type: `after ${attempt}` };
  });
  expect(out.map(({ id, type }) => [id, type])).toEqual([
    ['a', 'after 3'],
    ['b', 'after 1'],
    ['c', 'after 1'],
  ]);
  expect(stageOf(progress)).toMatchObject({ in: 3, out: 3, deadLettered: 0 });
  expect(letters).toEqual([]);
});

test('what fails at every attempt is a dead letter with its last reason, and those behind it go on', async () => {
  const { out, progress, letters } = await run(({ id }, attempt) => {
    if (id === 'b') throw new Error(`failed at ${attempt}`);
    return {};
  });
  expect(out.map(({ id }) => id)).toEqual(['a', 'c']);
  expect(stageOf(progress)).toMatchObject({ in: 3, out: 2, deadLettered: 1 });
  expect(letters.map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ reason: 'failed at 3', attempts: '3' }),
  ]);
});

test('a permanent failure is a dead letter at the first attempt', async () => {
  const { letters } = await run(({ id }) => {
    if (id === 'c') throw new PermanentFailure('no address');
    return {};
  });
  expect(letters.map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ reason: 'no address', attempts: '1' }),
  ]);
});

test('what a worker made is recorded once: a second run of it changes nothing', async () => {
  let runs = 0;
  const { out } = await run(() => ({ data: { run: (runs += 1) } }), ['a']);
  expect(out.map(({ data }) => data)).toEqual([{ run: 1 }]);
});

test('a function that dies of an event makes it a dead letter, whatever it was busy with', async () => {
  const { out, progress, letters } = await run(({ id }) =>
    // No answer ever: the invocation is ended at its time limit.
    id === 'b' ? new Promise(() => undefined) : {},
  );
  expect(progress.stages[0]).toMatchObject({ in: 3 });
  expect(letters.length + out.length).toBe(3);
  expect(letters.map(({ attributes }) => attributes['reason'])).toEqual(
    expect.arrayContaining([expect.stringContaining('received 3 times')]),
  );
});

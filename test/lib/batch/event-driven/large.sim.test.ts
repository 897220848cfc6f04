import { conservationProblems } from '#batch/event-driven/progress';
import { pipeline, type Pipeline } from '#batch/event-driven/pipeline';
import { copier, filter, merger, topic, worker } from '#batch/event-driven/steps';
import type { PipelineEvent, Stage } from '#batch/event-driven/types';
import type { Json } from '#primitives/table';
import { world } from '#simulation/world';
import { outputOf, pipelinesIn } from './simulated.ts';

const event = (id: string, data: Json = null, key = 'k'): PipelineEvent => ({ id, key, type: 't', data });
const largest = (id: string, bytes: number): PipelineEvent =>
  event(id, 'x'.repeat(bytes - JSON.stringify(event(id, '')).length));

const run = async (made: Pipeline, lists: readonly (readonly PipelineEvent[])[], stalled: readonly string[] = []) => {
  const w = world({ seed: 3 });
  const place = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3, stalled });
  for (const [at, list] of lists.entries()) await place.submit(made.name, `list-${at}`, list);
  await w.untilQuiet();
  for (const name of stalled) {
    place.resume(name);
    await w.untilQuiet();
  }
  const progress = await w.until(place.api.progress(made.name));
  if (progress === undefined) throw new Error('No progress.');
  expect(conservationProblems(made, progress, true)).toEqual([]);
  expect(await w.until(place.givenUp.receive({ maxCount: 10 }))).toEqual([]);
  const out = await outputOf(w, place, made.name);
  return { out: out.map(({ id }) => id), letters: await w.until(place.deadLetters.receive({ maxCount: 10 })) };
};

const straight = pipeline({
  name: 'straight',
  first: 'pass',
  stages: { pass: filter({ to: 'merge', drop: {} }), merge: merger() },
});

test('an event that no record takes is a dead letter at once, with the reason, and no key waits for it', async () => {
  const { out, letters } = await run(straight, [
    [event('a')],
    [event('b', 'x'.repeat(450_000))],
    [event('c', 'x'.repeat(1_048_450))],
    [event('d')],
  ]);
  expect(out).toEqual(['a', 'd']);
  expect(letters.map(({ attributes: { reason, attempts } }) => [reason, attempts])).toEqual([
    [expect.stringMatching(/events\.0: Expected an event of at most 262144 bytes as JSON, got 4500\d\d$/), '1'],
    [expect.stringContaining('at most 262144 bytes'), '1'],
  ]);
  // With its reason it would be longer than a message can be.
  expect(letters[1]?.body).toMatch(/^{"truncated":true,"bytes":1048/);
});

test('the largest event comes out, also where it is half as large again in a record', async () => {
  // Digits with commas: 2 bytes each, and 3 in a record.
  const room = 262_144 - JSON.stringify(event('a', [])).length;
  const digits = Array.from({ length: Math.floor((room + 1) / 2) }, () => 0);
  const { out } = await run(straight, [[event('a', digits)], [largest('b', 262_144)]]);
  expect(out).toEqual(['a', 'b']);
});

test('sixteen copies of an event go out together, though they fill more than a page', async () => {
  const names = Array.from({ length: 16 }, (_, n) => `s${n}`);
  const stages: Readonly<Record<string, Stage>> = {
    copy: copier({ to: names }),
    ...Object.fromEntries(names.map((name) => [name, filter({ to: 'merge', drop: {} })])),
    merge: merger(),
  };
  const wide = pipeline({ name: 'wide', first: 'copy', stages });
  const { out, letters } = await run(wide, [[largest('a', 81_920)], [largest('b', 81_921)], [event('c')]], ['wide-s7']);
  expect(out.toSorted()).toEqual([...names.map(() => 'a'), ...names.map(() => 'c')]);
  expect(letters.map(({ attributes: { reason } }) => reason)).toEqual([expect.stringContaining('at most 81920 bytes')]);
});

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const circle: Record<string, unknown> = {};
circle['self'] = circle;
test.each([
  ['too large', { data: 'x'.repeat(262_144) }, 'at most 262144 bytes'],
  ['of a type that is too long', { type: 't'.repeat(129) }, 'type: Expected 1 to 128 bytes'],
  ['no JSON', { data: circle }, 'it is not JSON'],
  ['nested deeper than the next stage reads', { data: JSON.parse(nested(31)) }, 'nested deeper'],
  ['… and by one more', { data: JSON.parse(nested(32)) }, 'nested deeper'],
  ['nested too deep', { data: JSON.parse(nested(40)) }, 'nested deeper'],
])('what a worker makes of an event, %s, is a dead letter at once, and the others go on', async (_, made, reason) => {
  const work = worker({ to: 'merge', does: ({ id }) => (id === 'b' ? (made as object) : {}) });
  const working = pipeline({
    name: 'working',
    first: 'copy',
    stages: { copy: copier({ to: ['work', topic('t')] }), work, merge: merger() },
  });
  const { out, letters } = await run(working, [[event('a'), event('b'), event('c')]]);
  expect(out).toEqual(['a', 'c']);
  expect(letters.map(({ attributes }) => attributes)).toEqual([
    expect.objectContaining({ reason: expect.stringContaining(reason), attempts: '1' }),
  ]);
});

test('the deepest event that a list takes comes out, as does the deepest that a worker makes', async () => {
  const deepest = pipeline({
    name: 'deepest',
    first: 'by-bus',
    stages: {
      'by-bus': filter({ to: 'work', drop: {}, via: 'bus' }),
      work: worker({ to: 'pass', does: ({ id }) => (id === 'made' ? { data: JSON.parse(nested(30)) as Json } : {}) }),
      pass: filter({ to: 'merge', drop: {} }),
      merge: merger(),
    },
  });
  const { out, letters } = await run(deepest, [
    [event('a', JSON.parse(nested(29)) as Json), event('made')],
    [event('b', JSON.parse(nested(30)) as Json)],
    [event('c')],
  ]);
  expect(out).toEqual(['a', 'made', 'c']);
  expect(letters.map(({ attributes: { reason } }) => reason)).toEqual(['invalid message: nested deeper than 32']);
});

import { copier, filter, merger } from '#batch/event-driven/steps';
import { pipeline, WHOLE } from '#batch/event-driven/pipeline';
import type { Stage } from '#batch/event-driven/types';
import { world } from '#simulation/world';
import { outputOf, pipelinesIn } from './simulated.ts';

/** One stage leads to the merger, the other does not. */
const stages: Readonly<Record<string, Stage>> = {
  copy: copier({ to: ['end', 'merge'] }),
  end: filter({ drop: {} }),
  merge: merger(),
};
const made = pipeline({ name: 'made', first: 'copy', stages });

const at = (stage: string, more: object) => ({
  pipeline: 'made',
  stage,
  input: 'accept',
  event: { id: 'a', key: 'k', type: 't' },
  seq: 0,
  ...more,
});

const messageOf = (id: string, content: object) => ({
  id,
  receipt: id,
  body: JSON.stringify(content),
  attributes: {},
  receiveCount: 1,
  sentAtMs: 0,
});
const voidOf = (input: string) => ({
  pipeline: 'made',
  stage: 'merge',
  input,
  void: { id: 'a', key: 'k' },
  seq: 0,
  share: WHOLE,
});

test.each([
  ['an event without a share at a stage before the merger', at('copy', {}), /share: none/],
  ['one of no weight', at('copy', { share: 0 }), /share: 0/],
  ['one with a share at a stage that does not lead to it', at('end', { input: 'copy.end', share: 5 }), /share: 5/],
  ['one that weighs less than it does there', at('copy', { share: 1 }), /share: 1 at this stage, where it is 720720/],
  ['one by an input that is not there', at('copy', { input: 'copy.end', share: WHOLE }), /input: .* 'copy\.end'/],
  ['what comes to a stage as if it were taken in', at('end', {}), /input: nothing comes to this stage by 'accept'/],
  ['an event without a share at the merger', at('merge', {}), /invalid message: Expected an event, or a void/],
  [
    'a void of no weight',
    { pipeline: 'made', stage: 'merge', input: 'void:end', void: { id: 'a', key: 'k' }, seq: 0, share: 0 },
    /invalid message: Expected an event, or a void/,
  ],
  ['a piece of the merger that weighs less', at('merge', { input: 'copy.merge', share: 5 }), /share: 5/],
  ['a piece by no branch', at('merge', { input: 'copy.end', share: WHOLE }), /input: nothing comes/],
  ['one by what no table takes', at('merge', { input: '\ud800', share: WHOLE }), /input: nothing comes/],
  ['an event as if it were a void', at('merge', { input: 'void:copy', share: WHOLE }), /input: nothing comes/],
  ['a void of a stage that does not lead there', voidOf('void:end'), /input: nothing comes/],
  ['a void as if it were an event', voidOf('copy.merge'), /input: nothing comes/],
])('%s is a dead letter, and is counted nowhere', async (_, content, reason) => {
  const w = world({ seed: 1 });
  const { api, deadLetters } = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  const message = messageOf('m', content);
  const run = content.stage === 'merge' ? api.merge([message], 1_000) : api.runStage([message]);
  expect(await w.until(run)).toEqual({ batchItemFailures: [] });
  expect(await w.until(deadLetters.receive({ maxCount: 10 }))).toMatchObject([
    { attributes: { reason: expect.stringMatching(reason) } },
  ]);
  const progress = await w.until(api.progress('made'));
  expect(progress?.stages.map((stage) => [stage.in, stage.waiting])).toEqual([
    [0, 0],
    [0, 0],
    [0, 0],
  ]);
});

test('what no stage could have sent burns no receive of the healthy that come with it, and holds up no key', async () => {
  const w = world({ seed: 1 });
  const { api } = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  const batch = [
    messageOf('odd', at('merge', { input: '\ud800', share: WHOLE })),
    messageOf('light', at('merge', { input: 'copy.merge', share: 1 })),
    messageOf('well', at('merge', { input: 'copy.merge', share: WHOLE })),
  ];
  expect(await w.until(api.merge(batch, 1_000))).toEqual({ batchItemFailures: [] });
  expect(await w.until(api.output('made'))).toMatchObject({ events: [{ id: 'a', seq: 0 }] });
});

test('a hand-made event of another weight does not hold up the events of its key', async () => {
  const w = world({ seed: 1 });
  const place = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  const evil = at('copy', { event: { id: 'evil', key: 'k', type: 't' }, share: 1 });
  await w.until(place.api.runStage([messageOf('evil', evil)]));
  await place.submit(
    'made',
    'list',
    ['a', 'b', 'c'].map((id) => ({ id, key: 'k', type: 't', data: null })),
  );
  await w.untilQuiet();
  expect((await outputOf(w, place, 'made')).map(({ id }) => id)).toEqual(['a', 'b', 'c']);
});

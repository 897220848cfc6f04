import { copier, filter, merger } from '#batch/event-driven/steps';
import { pipeline } from '#batch/event-driven/pipeline';
import type { Stage } from '#batch/event-driven/types';
import { world } from '#simulation/world';
import { pipelinesIn } from './simulated.ts';

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

test.each([
  ['an event without a share at a stage before the merger', at('copy', {}), /share: none/],
  ['one of no weight', at('copy', { share: 0 }), /share: 0/],
  ['one with a share at a stage that does not lead to it', at('end', { share: 5 }), /share: 5/],
  ['an event without a share at the merger', at('merge', {}), /invalid message: Expected an event, or a void/],
  [
    'a void of no weight',
    { pipeline: 'made', stage: 'merge', input: 'void:end', void: { id: 'a', key: 'k' }, seq: 0, share: 0 },
    /invalid message: Expected an event, or a void/,
  ],
])('%s is a dead letter, and is counted nowhere', async (_, content, reason) => {
  const w = world({ seed: 1 });
  const { api, deadLetters } = pipelinesIn(w, { pipelines: [made], maxReceiveCount: 3 });
  const message = {
    id: 'm',
    receipt: 'r',
    body: JSON.stringify(content),
    attributes: {},
    receiveCount: 1,
    sentAtMs: 0,
  };
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

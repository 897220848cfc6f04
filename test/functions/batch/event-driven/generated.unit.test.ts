import { readFileSync } from 'node:fs';
import path from 'node:path';
import { load } from 'js-yaml';
import { diagramOf } from '#batch/event-driven/diagram';
import { allFive, signupMail } from '../../../../functions/batch/event-driven/pipelines.ts';
import { generated } from '../../../../functions/batch/event-driven/template.ts';

const FOLDER = path.resolve(import.meta.dirname, '../../../../functions/batch/event-driven');
const textOf = (file: string): string => readFileSync(path.join(FOLDER, file), 'utf8');

test('the functions and resources that are deployed are those that the pipelines say', () => {
  // `node functions/batch/event-driven/generate.ts && npx oxfmt functions` makes them again.
  expect(load(textOf('stage.functions.yml'))).toEqual(generated().functions);
  expect(load(textOf('pipelines.resources.yml'))).toEqual(generated().resources);
});

test.each([allFive({ misbehaves: false }), signupMail()])(
  'the diagram of $name in the README is drawn from it',
  (pipeline) => {
    const diagrams = [...textOf('README.md').matchAll(/```mermaid\n([^]*?)\n```/g)].map(([, text]) => text);
    expect(diagrams).toContain(diagramOf(pipeline));
  },
);

test('a stage has a queue, a mapping and permissions, one that is fed by the bus a rule, one with urgent events two queues', () => {
  const { Resources } = generated().resources;
  const idsOf = (type: string): readonly string[] =>
    Object.entries(Resources).flatMap(([id, resource]) => (resource['Type'] === type ? [id] : []));
  expect(idsOf('AWS::Events::Rule')).toEqual(['EventDrivenAllFiveKeepRule', 'EventDrivenEventsRule']);
  expect(idsOf('AWS::SQS::Queue').filter((id) => id.includes('SignupMail'))).toEqual([
    'EventDrivenSignupMailContactQueue',
    'EventDrivenSignupMailMailUrgentQueue',
    'EventDrivenSignupMailMailQueue',
    'EventDrivenSignupMailTextQueue',
  ]);
  const { events, permissions } = generated().functions.eventDrivenStage;
  expect(events).toHaveLength(8 + 3);
  expect(permissions).toMatchObject({
    EventDrivenAllFiveKeepQueue: ['ChangeMessageVisibility'],
    EventDrivenBus: ['PutEvents'],
  });
});

import { parseTemplate } from '../../../localstack/plugin/template.ts';

describe('the template', () => {
  test('a service without resources has an empty one', () => {
    expect(parseTemplate(undefined)).toEqual({ resources: {}, conditions: {}, outputs: {} });
  });

  test.each<[string, unknown, string]>([
    ['a section', { Mappings: {} }, "resources: 'Mappings' is not known here. Known: Resources, Conditions, Outputs"],
    [
      'an attribute',
      { Resources: { q: { Type: 'T', UpdatePolicy: {} } } },
      "Resources.q: 'UpdatePolicy' is not known here.",
    ],
    ['no type', { Resources: { q: {} } }, "Resources.q: expected a 'Type', got undefined."],
    [
      'no object',
      { Resources: { q: { Type: 'T', Properties: [1] } } },
      'Resources.q.Properties: expected an object, got [1].',
    ],
    ['no names', { Resources: { q: { Type: 'T', DependsOn: [1] } } }, 'Resources.q.DependsOn: expected names, got 1.'],
  ])('%s that is not known is an error that names it', (_, template, message) => {
    expect(() => parseTemplate(template)).toThrow(message);
  });
});

import { creationOrder } from '../../../localstack/plugin/graph.ts';
import { parseTemplate } from '../../../localstack/plugin/template.ts';
import type { Json } from '../../../lib/primitives/table.ts';

const order = (properties: Record<string, Json>, dependsOn: Record<string, Json> = {}): readonly string[] => {
  const resources = Object.keys(properties).map((id): readonly [string, Json] => {
    const depends = id in dependsOn ? { DependsOn: dependsOn[id] ?? [] } : {};
    return [id, { Type: 'T', Properties: properties[id] ?? {}, ...depends }];
  });
  const Resources: Json = Object.fromEntries(resources);
  return creationOrder(parseTemplate({ Resources }).resources);
};

describe('the order in which resources are made', () => {
  test.each<[string, Json]>([
    ['Ref', { p: { Ref: 'z' } }],
    ['Fn::GetAtt as a list', { p: { 'Fn::GetAtt': ['z', 'Arn'] } }],
    ['Fn::GetAtt as a text', { p: { 'Fn::GetAtt': 'z.Arn' } }],
    ['Fn::Sub', { p: { 'Fn::Sub': 'x-${z.Arn}' } }],
    ['Fn::Sub with variables', { p: { 'Fn::Sub': ['${v}-${z}', { v: 1 }] } }],
    ['a variable of Fn::Sub', { p: { 'Fn::Sub': ['${v}', { v: { Ref: 'z' } }] } }],
    ['a branch of Fn::If', { p: [{ 'Fn::If': ['c', 1, { Ref: 'z' }] }] }],
  ])('a resource comes behind what it refers to by %s', (_, properties) => {
    expect(order({ a: properties, z: {} })).toEqual(['z', 'a']);
  });

  test('a resource comes behind what it depends on', () => {
    expect(order({ a: {}, b: {}, c: {} }, { a: 'c', b: ['a'] })).toEqual(['c', 'a', 'b']);
  });

  test('the order of the template stands otherwise, and names that are no resources do not matter', () => {
    expect(order({ b: { Ref: 'AWS::Region' }, a: { 'Fn::Sub': '${!c}' }, c: {} })).toEqual(['b', 'a', 'c']);
  });

  test('a cycle is named, without what only leads to it', () => {
    const cycle = { start: { Ref: 'a' }, a: { Ref: 'b' }, b: { Ref: 'c' }, c: { Ref: 'a' } };
    expect(() => order(cycle)).toThrow('Resources: a cycle, a → b → c → a.');
  });

  test('a dependency on nothing is named', () => {
    expect(() => order({ a: {} }, { a: 'ghost' })).toThrow("Resources.a.DependsOn: there is no resource 'ghost'.");
  });
});

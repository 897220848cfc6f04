import { evaluate, type Scope } from '../../../localstack/plugin/intrinsics.ts';
import type { Json } from '../../../lib/primitives/table.ts';

const scope: Scope = {
  ref: (name) => (name === 'AWS::Region' ? 'mars-1' : `ref-${name}`),
  attribute: (id, name) => `${id}/${name}`,
  condition: (name) => name === 'yes',
};
const at = (value: Json): unknown => evaluate(value, { scope, where: 'Here' });

describe('intrinsic functions', () => {
  test.each<[string, Json, unknown]>([
    ['Ref', { Ref: 'queue' }, 'ref-queue'],
    ['Ref of a pseudo-parameter', { Ref: 'AWS::Region' }, 'mars-1'],
    ['Fn::GetAtt as a list', { 'Fn::GetAtt': ['queue', 'Arn'] }, 'queue/Arn'],
    ['Fn::GetAtt as a text, with a nested attribute', { 'Fn::GetAtt': 'queue.Outputs.Arn' }, 'queue/Outputs.Arn'],
    ['Fn::Sub', { 'Fn::Sub': 'a-${queue}-${queue.Arn}-${AWS::Region}' }, 'a-ref-queue-queue/Arn-mars-1'],
    ['Fn::Sub with an escape', { 'Fn::Sub': '${!queue}' }, '${queue}'],
    ['Fn::Sub with variables', { 'Fn::Sub': ['${own}-${other}', { own: { Ref: 'x' } }] }, 'ref-x-ref-other'],
    ['Fn::Join', { 'Fn::Join': [':', ['a', { Ref: 'b' }, 3]] }, 'a:ref-b:3'],
    ['Fn::Split', { 'Fn::Split': ['-', { Ref: 'b' }] }, ['ref', 'b']],
    ['Fn::Select', { 'Fn::Select': ['1', { 'Fn::Split': [',', 'a,b'] }] }, 'b'],
    ['Fn::If, true', { 'Fn::If': ['yes', 'a', { Ref: 'b' }] }, 'a'],
    ['Fn::If, false', { 'Fn::If': ['no', 'a', { Ref: 'b' }] }, 'ref-b'],
    ['Fn::Equals', { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'mars-1'] }, true],
    ['Fn::Not', { 'Fn::Not': [{ Condition: 'yes' }] }, false],
    ['Fn::And', { 'Fn::And': [{ Condition: 'yes' }, { Condition: 'no' }] }, false],
    ['Fn::Or', { 'Fn::Or': [{ Condition: 'no' }, { Condition: 'yes' }] }, true],
    ['nesting', { a: [{ b: { Ref: 'c' } }] }, { a: [{ b: 'ref-c' }] }],
  ])('%s', (_, value, expected) => {
    expect(at(value)).toEqual(expected);
  });

  test('AWS::NoValue takes the property or the item away', () => {
    const none = { 'Fn::If': ['no', 1, { Ref: 'AWS::NoValue' }] };
    expect(at({ kept: 1, gone: none, list: [1, none] })).toEqual({ kept: 1, list: [1] });
  });

  test("the `Condition` of a policy's statement is data", () => {
    const statement = { Condition: { ArnEquals: { source: { Ref: 'topic' } } } };
    expect(at(statement)).toEqual({ Condition: { ArnEquals: { source: 'ref-topic' } } });
  });

  test.each<[Json, string]>([
    [{ 'Fn::ImportValue': 'x' }, "Here: 'Fn::ImportValue' is not known here. Known: Ref,"],
    [{ a: [{ 'Fn::Join': 'x' }] }, 'Here.a[0].Fn::Join: expected a list of 2, got "x".'],
    [{ 'Fn::Select': [5, ['a']] }, 'Here.Fn::Select: expected an index from 0 to 0, got 5.'],
    [{ 'Fn::GetAtt': 'queue' }, 'Here.Fn::GetAtt: expected \'Resource.Attribute\', got "queue".'],
    [{ 'Fn::Not': ['maybe'] }, 'Here.Fn::Not: expected a condition, got "maybe".'],
    [{ 'Fn::Sub': ['${a}', { a: ['list'] }] }, 'Here.Fn::Sub.a: expected a text, got ["list"].'],
  ])('%j is refused with the place and what is allowed', (value, message) => {
    expect(() => at(value)).toThrow(message);
  });
});

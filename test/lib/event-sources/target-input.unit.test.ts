import { compileTargetInput, InvalidTargetInputError, type TargetInput } from '#event-sources/target-input';

const event = {
  id: '7bf73129',
  'detail-type': 'EC2 Instance State-change Notification',
  detail: { 'instance-id': 'i-1', state: 'RUNNING', say: 'a "b"\\', list: [{ n: 1 }, { n: 2 }], n: 5, no: null },
};
const facts = { ruleArn: 'arn:aws:events:r:a:rule/x', ruleName: 'x', ingestionTime: '2026-01-02T03:04:05Z' };
const given = (input: TargetInput): string => compileTargetInput(input)(event, facts);
const filled = (InputTemplate: string, InputPathsMap: Record<string, string> = {}): string =>
  given({ InputTransformer: { InputTemplate, InputPathsMap } });

test('without any input the target gets the event', () => {
  expect(JSON.parse(given({}))).toEqual(event);
});

test.each([
  ['$', event],
  ['$.detail.state', 'RUNNING'],
  ['$.detail-type', 'EC2 Instance State-change Notification'],
  ['$.detail.list[1].n', 2],
  ['$.detail.list[*].n', [1, 2]],
  ["$.detail['instance-id']", 'i-1'],
  ['$.detail.missing', null],
])('the part at %s', (InputPath, expected) => {
  expect(JSON.parse(given({ InputPath }))).toEqual(expected);
});

test('a variable is JSON outside of quotes, and text inside of them', () => {
  const paths = { s: '$.detail.say', n: '$.detail.n', o: '$.detail.list[0]', no: '$.detail.no', gone: '$.gone' };
  expect(JSON.parse(filled('{"s": <s>, "t": "<s>, <n>", "n": <n>, "o": <o>, "no": <no>, "g": <gone>}', paths))).toEqual(
    {
      s: 'a "b"\\',
      t: 'a "b"\\, 5',
      n: 5,
      o: { n: 1 },
      no: null,
      g: '',
    },
  );
  expect(filled('"<s> is <n>, \\"<n>\\", <o>"', paths)).toBe('"a \\"b\\"\\\\ is 5, \\"5\\", {n:1}"');
});

test('several lines of text stay several', () => {
  expect(filled('"one <n>"\n"two"', { n: '$.detail.n' })).toBe('"one 5"\n"two"');
});

test('what AWS knows by itself needs no path', () => {
  const template = '{"a": <aws.events.rule-arn>, "b": <aws.events.rule-name>, "c": <aws.events.event.ingestion-time>}';
  expect(JSON.parse(filled(template))).toEqual({ a: facts.ruleArn, b: 'x', c: facts.ingestionTime });
  expect(JSON.parse(filled('{"e": <aws.events.event.json>, "h": <aws.events.event>}'))).toEqual({
    e: event,
    h: { id: event.id, 'detail-type': event['detail-type'] },
  });
});

const transformer = (InputTemplate: string, InputPathsMap: Record<string, string> = {}): TargetInput => ({
  InputTransformer: { InputTemplate, InputPathsMap },
});

test.each<[string, TargetInput]>([
  ['two of the three', { Input: '{}', InputPath: '$' }],
  ['a constant that is no JSON', { Input: 'plain' }],
  ['a constant that is too long', { Input: JSON.stringify('x'.repeat(8_200)) }],
  ['a path that is none', { InputPath: 'detail' }],
  ['a path with a filter', { InputPath: '$.list[?(@.n>1)]' }],
  ['an unknown variable', transformer('{"a": <b>}')],
  ['a template that is no JSON', transformer('a <b>', { b: '$.id' })],
  ['an empty template', transformer('')],
  ['a transformer without a template', JSON.parse('{"InputTransformer": {}}')],
  ['a template that is no text', JSON.parse('{"InputTransformer": {"InputTemplate": null}}')],
  ['a reserved name', transformer('"x"', { 'AWS-x': '$.id' })],
  [
    'too many variables',
    transformer('"x"', Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`v${n}`, '$.id']))),
  ],
])('%s is refused', (_, input) => {
  expect(() => compileTargetInput(input)).toThrow(InvalidTargetInputError);
});

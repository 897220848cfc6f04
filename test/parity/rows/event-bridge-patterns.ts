import { TestEventPatternCommand } from '@aws-sdk/client-eventbridge';
import type { ParityPlace } from '../place.ts';
import type { Row, RowGroup } from '../row.ts';

const EVENT = {
  id: '7bf73129-1428-4cd3-a780-95db273d1602',
  'detail-type': 'EC2 Instance State-change Notification',
  source: 'aws.ec2',
  account: '123456789012',
  time: '2015-11-11T21:29:54Z',
  region: 'us-east-1',
  resources: ['arn:aws:ec2:us-east-1:123456789012:instance/i-abcd1111'],
};

const matches = async ({ events }: ParityPlace, pattern: unknown, detail: object): Promise<boolean | undefined> => {
  const { Result } = await events.send(
    new TestEventPatternCommand({
      EventPattern: JSON.stringify(pattern),
      Event: JSON.stringify({ ...EVENT, detail }),
    }),
  );
  return Result;
};

/** A list of a pattern, and values of the field that match it or don't; undefined: the event has no such field. */
interface Case {
  readonly title: string;
  readonly list: readonly unknown[];
  readonly yes: readonly unknown[];
  readonly no: readonly unknown[];
}

const CASES: readonly Case[] = [
  {
    title: 'literals match exactly, by type and by case',
    list: ['a', 5, true],
    yes: ['a', 5, 5.0, true],
    no: ['A', '5', 'true', false],
  },
  { title: 'null and the empty text are not the same', list: [null], yes: [null], no: ['', undefined, 0] },
  { title: 'the empty text matches itself only', list: [''], yes: [''], no: [null, undefined, ' '] },
  { title: 'an array matches when one of its elements does', list: ['b'], yes: [['a', 'b']], no: [['a'], []] },
  { title: 'prefix', list: [{ prefix: 'us-' }], yes: ['us-east-1', 'us-'], no: ['eu-us-', 'US-east-1'] },
  {
    title: 'prefix, whatever the case',
    list: [{ prefix: { 'equals-ignore-case': 'EventB' } }],
    yes: ['eventbridge'],
    no: ['xeventb'],
  },
  { title: 'suffix', list: [{ suffix: '.png' }], yes: ['a.png'], no: ['a.PNG', 'png'] },
  {
    title: 'suffix, whatever the case',
    list: [{ suffix: { 'equals-ignore-case': '.png' } }],
    yes: ['a.PNG'],
    no: ['a.pngx'],
  },
  {
    title: 'equals-ignore-case',
    list: [{ 'equals-ignore-case': 'alice' }],
    yes: ['ALICE', 'alice'],
    no: ['alic', 'alicee'],
  },
  {
    title: 'wildcard',
    list: [{ wildcard: 'dir/*/a*.png' }],
    yes: ['dir/x/y/abc.png', 'dir//a.png'],
    no: ['dir/a.png', 'dir/x/b.png'],
  },
  {
    title: 'anything-but a value or a list',
    list: [{ 'anything-but': ['stopped', 'lost'] }],
    yes: ['running', 5],
    no: ['stopped', undefined],
  },
  { title: 'anything-but numbers', list: [{ 'anything-but': [100, 200] }], yes: [150], no: [100, 200] },
  {
    title: 'anything-but a prefix, one or several',
    list: [{ 'anything-but': { prefix: ['a', 'b'] } }],
    yes: ['c'],
    no: ['ab', 'ba'],
  },
  { title: 'anything-but a suffix', list: [{ 'anything-but': { suffix: '.txt' } }], yes: ['a.png'], no: ['a.txt'] },
  {
    title: 'anything-but, whatever the case',
    list: [{ 'anything-but': { 'equals-ignore-case': ['A', 'b'] } }],
    yes: ['c'],
    no: ['a', 'B'],
  },
  {
    title: 'anything-but a wildcard',
    list: [{ 'anything-but': { wildcard: '*/lib/*' } }],
    yes: ['/bin/a'],
    no: ['/lib/a'],
  },
  { title: 'numeric ranges', list: [{ numeric: ['>', 0, '<=', 5] }], yes: [0.1, 5], no: [0, 5.1, '3'] },
  { title: 'numeric equality is by value', list: [{ numeric: ['=', 300] }], yes: [300, 3e2], no: [301, '300'] },
  {
    title: 'cidr, of both families',
    list: [{ cidr: '10.0.0.0/24' }, { cidr: '2001:db8::/32' }],
    yes: ['10.0.0.255', '2001:db8::1'],
    no: ['10.0.1.0', '2001:db9::1', 'x'],
  },
  { title: 'exists: true is about leaves', list: [{ exists: true }], yes: ['', null, 0], no: [undefined, {}] },
  { title: 'exists: false', list: [{ exists: false }], yes: [undefined], no: ['', null] },
  {
    title: 'several operators in one list: one is enough',
    list: [{ prefix: 'a' }, { numeric: ['<', 3] }, null],
    yes: ['ab', 1, null],
    no: ['b', 3],
  },
];

const rowOf = ({ title, list, yes, no }: Case): Row => ({
  title,
  run: async (place) => {
    const pattern = { detail: { field: list } };
    for (const value of yes) expect([value, await matches(place, pattern, { field: value })]).toEqual([value, true]);
    for (const value of no) expect([value, await matches(place, pattern, { field: value })]).toEqual([value, false]);
  },
});

const BAD: readonly unknown[] = [
  { source: 'aws.ec2' },
  { source: [] },
  { detail: { field: [{ like: 'x' }] } },
  { detail: { field: [{ numeric: ['>', 5, '<', 1] }] } },
  { detail: { field: [{ wildcard: 'a**b' }] } },
  { detail: { field: [{ cidr: '10.0.0.0/33' }] } },
  { detail: { field: [{ exists: 'yes' }] } },
];

export const eventBridgePatterns: RowGroup = {
  subject: 'EventBridge: patterns',
  rows: [
    ...CASES.map(rowOf),
    {
      title: '$or: one of the branches is enough, beside the other fields',
      run: async (place) => {
        const pattern = {
          source: ['aws.ec2'],
          detail: { $or: [{ a: [{ numeric: ['<=', 5] }] }, { b: [{ prefix: 'x' }] }] },
        };
        expect(await matches(place, pattern, { a: 1, b: 'no' })).toBe(true);
        expect(await matches(place, pattern, { a: 9, b: 'xy' })).toBe(true);
        expect(await matches(place, pattern, { a: 9, b: 'no' })).toBe(false);
        expect(await matches(place, { ...pattern, source: ['aws.s3'] }, { a: 1 })).toBe(false);
      },
    },
    {
      title: 'all fields of a pattern must match, and of an array of objects those of one element',
      run: async (place) => {
        const pattern = { detail: { lines: { sku: ['a'], count: [2] } } };
        expect(
          await matches(place, pattern, {
            lines: [
              { sku: 'a', count: 2 },
              { sku: 'b', count: 1 },
            ],
          }),
        ).toBe(true);
        expect(
          await matches(place, pattern, {
            lines: [
              { sku: 'a', count: 1 },
              { sku: 'b', count: 2 },
            ],
          }),
        ).toBe(false);
      },
    },
    {
      title: 'a bad pattern is an InvalidEventPatternException',
      run: async (place) => {
        for (const pattern of BAD)
          await expect(matches(place, pattern, {})).rejects.toMatchObject({ name: 'InvalidEventPatternException' });
      },
    },
    {
      title: 'an event to test needs id, account, source, time, region, resources and detail-type',
      run: async ({ events }) => {
        const { region: _, ...without } = EVENT;
        const EventPattern = '{"source":["aws.ec2"]}';
        await expect(
          events.send(new TestEventPatternCommand({ EventPattern, Event: JSON.stringify(without) })),
        ).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
      },
    },
  ],
};

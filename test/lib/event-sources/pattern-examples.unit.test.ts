import { compilePattern } from '#event-sources/pattern';

/**
 * What AWS publishes about each operator, in our words: the pattern, and details that match it or do not.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
const examples: readonly (readonly [string, unknown, readonly object[], readonly object[]])[] = [
  ['prefix', { time: [{ prefix: '2017-10-02' }] }, [{ time: '2017-10-02T18:43:48Z' }], [{ time: '2017-10-03' }]],
  [
    'prefix while ignoring case',
    { service: [{ prefix: { 'equals-ignore-case': 'EventB' } }] },
    [{ service: 'EventBridge' }, { service: 'eventbridge' }, { service: 'eVeNtBx' }],
    [{ service: 'Event' }],
  ],
  ['suffix', { FileName: [{ suffix: '.png' }] }, [{ FileName: 'a.png' }], [{ FileName: 'a.PNG' }]],
  [
    'suffix while ignoring case',
    { FileName: [{ suffix: { 'equals-ignore-case': '.png' } }] },
    [{ FileName: 'a.PNG' }, { FileName: 'a.png' }],
    [{ FileName: 'a.pn' }],
  ],
  [
    'anything-but a string or numbers',
    { state: [{ 'anything-but': 'initializing' }], limit: [{ 'anything-but': [100, 200, 300] }] },
    [{ state: 'running', limit: 150 }],
    [
      { state: 'initializing', limit: 150 },
      { state: 'running', limit: 200 },
    ],
  ],
  [
    'anything-but strings',
    { state: [{ 'anything-but': ['stopped', 'overloaded'] }] },
    [{ state: 'running' }],
    [{ state: 'stopped' }, { state: 'overloaded' }],
  ],
  [
    'anything-but while ignoring case',
    { state: [{ 'anything-but': { 'equals-ignore-case': ['initializing', 'stopped'] } }] },
    [{ state: 'running' }],
    [{ state: 'INITIALIZING' }, { state: 'Stopped' }],
  ],
  [
    'anything-but prefixes',
    { state: [{ 'anything-but': { prefix: ['init', 'error'] } }] },
    [{ state: 'running' }],
    [{ state: 'init' }, { state: 'errored' }],
  ],
  [
    'anything-but suffixes',
    { FileName: [{ 'anything-but': { suffix: ['.txt', '.rtf'] } }] },
    [{ FileName: 'a.png' }],
    [{ FileName: 'a.txt' }, { FileName: 'a.rtf' }],
  ],
  [
    'anything-but wildcards',
    { path: [{ 'anything-but': { wildcard: ['*/lib/*', '*/bin/*'] } }] },
    [{ path: '/src/a' }],
    [{ path: '/x/lib/a' }, { path: '/x/bin/a' }],
  ],
  [
    'numeric, several fields at once',
    {
      'c-count': [{ numeric: ['>', 0, '<=', 5] }],
      'd-count': [{ numeric: ['<', 10] }],
      'x-limit': [{ numeric: ['=', 301.8] }],
    },
    [{ 'c-count': 5, 'd-count': 9, 'x-limit': 3.018e2 }],
    [
      { 'c-count': 0, 'd-count': 9, 'x-limit': 301.8 },
      { 'c-count': 5, 'd-count': 10, 'x-limit': 301.8 },
      { 'c-count': 5, 'd-count': 9, 'x-limit': 301 },
    ],
  ],
  ['cidr', { 'source-ip': [{ cidr: '10.0.0.0/24' }] }, [{ 'source-ip': '10.0.0.255' }], [{ 'source-ip': '10.0.1.0' }]],
  ['exists', { state: [{ exists: true }] }, [{ state: '' }, { state: null }], [{ other: 1 }, { state: {} }]],
  ['does not exist', { 'c-count': [{ exists: false }] }, [{ other: 1 }, {}], [{ 'c-count': 0 }, { 'c-count': null }]],
  [
    'equals-ignore-case',
    { type: [{ 'equals-ignore-case': 'ec2 State-change' }] },
    [{ type: 'EC2 state-CHANGE' }],
    [{ type: 'EC2' }],
  ],
  [
    'wildcard',
    { location: [{ wildcard: 'arn:*:s3:::bucket/dir/*' }] },
    [{ location: 'arn:aws:s3:::bucket/dir/a/b.txt' }, { location: 'arn::s3:::bucket/dir/' }],
    [{ location: 'arn:aws:s3:::other/dir/a' }, { location: 'arn:aws:s3:::bucket/dir' }],
  ],
  [
    'several operators: all fields, any entry of a list',
    { state: [{ 'anything-but': 'initializing' }, { prefix: 'x' }], n: [{ numeric: ['>', 0] }, { exists: false }] },
    [{ state: 'running' }, { state: 'running', n: 3 }],
    [{ state: 'initializing' }, { state: 'running', n: 0 }],
  ],
  [
    '$or of three',
    {
      $or: [
        { 'c-count': [{ numeric: ['>', 0, '<=', 5] }] },
        { 'd-count': [{ numeric: ['<', 10] }] },
        { 'x-limit': [{ numeric: ['=', 3.018e2] }] },
      ],
    },
    [{ 'c-count': 1 }, { 'd-count': 9 }, { 'x-limit': 301.8 }],
    [{ 'c-count': 6, 'd-count': 10, 'x-limit': 1 }, {}],
  ],
  [
    'a $or inside of another field',
    { requests: { $or: [{ method: ['POST'] }, { path: [{ prefix: '/api' }] }], ok: [true] } },
    [{ requests: { method: 'POST', ok: true } }, { requests: { path: '/api/x', ok: true } }],
    [{ requests: { method: 'POST', ok: false } }, { requests: { path: '/x', method: 'GET', ok: true } }],
  ],
  ['null', { responseElements: [null] }, [{ responseElements: null }], [{ responseElements: '' }, {}]],
  ['the empty text', { eventVersion: [''] }, [{ eventVersion: '' }], [{ eventVersion: null }, {}]],
  [
    'arrays: one element of several',
    { ASG: ['arn:a:x'] },
    [{ ASG: ['arn:a:y', 'arn:a:x'] }, { ASG: 'arn:a:x' }],
    [{ ASG: ['arn:a:y'] }, { ASG: [] }],
  ],
];

test.each(examples)('%s', (_, detail, yes, no) => {
  const matches = compilePattern({ detail });
  for (const each of yes) expect([each, matches({ detail: each })]).toEqual([each, true]);
  for (const each of no) expect([each, matches({ detail: each })]).toEqual([each, false]);
});

import { compilePattern, InvalidPatternError } from '#event-sources/pattern';

const event = {
  version: '0',
  source: 'aws.ec2',
  detail: {
    state: 'initializing',
    'c-count': 5,
    price: 12.5,
    FileName: 'image.PNG',
    path: '/users/alice/photos/cat.png',
    'source-ip': '10.0.0.123',
    'source-ipv6': '2001:db8::7',
    empty: '',
    nothing: null,
    yes: true,
    tags: ['blue', 'green', 7],
    none: [],
    inner: { deep: 'x' },
    lines: [
      { sku: 'a', quantity: 1 },
      { sku: 'b', quantity: 9 },
    ],
  },
};

/** field of detail, list of the pattern, whether it matches. */
const rows: readonly (readonly [string, unknown, boolean])[] = [
  ['state', ['initializing', 'running'], true],
  ['state', ['running'], false],
  ['state', ['Initializing'], false],
  ['c-count', [5], true],
  ['c-count', ['5'], false],
  ['yes', [true], true],
  ['yes', [false], false],
  ['yes', ['true'], false],
  ['nothing', [null], true],
  ['nothing', [''], false],
  ['empty', [''], true],
  ['empty', [null], false],
  ['missing', [null], false],
  ['missing', [''], false],
  ['state', [{ prefix: 'init' }], true],
  ['state', [{ prefix: 'Init' }], false],
  ['state', [{ prefix: { 'equals-ignore-case': 'INIT' } }], true],
  ['c-count', [{ prefix: '5' }], false],
  ['FileName', [{ suffix: '.PNG' }], true],
  ['FileName', [{ suffix: '.png' }], false],
  ['FileName', [{ suffix: { 'equals-ignore-case': '.png' } }], true],
  ['FileName', [{ 'equals-ignore-case': 'IMAGE.png' }], true],
  ['FileName', [{ 'equals-ignore-case': 'image' }], false],
  ['path', [{ wildcard: '/users/*/photos/*.png' }], true],
  ['path', [{ wildcard: '/users/*/photos/*.jpg' }], false],
  ['path', [{ wildcard: '/users/alice/photos/cat.png*' }], true],
  ['path', [{ wildcard: '*' }], true],
  ['path', [{ wildcard: '/users' }], false],
  ['path', [{ wildcard: '/users/*/photos/cat.png/*' }], false],
  ['path', [{ wildcard: '*cat.png*cat.png' }], false],
  ['state', [{ 'anything-but': 'running' }], true],
  ['state', [{ 'anything-but': 'initializing' }], false],
  ['state', [{ 'anything-but': ['stopped', 'initializing'] }], false],
  ['c-count', [{ 'anything-but': 5 }], false],
  ['c-count', [{ 'anything-but': [1, 2] }], true],
  ['c-count', [{ 'anything-but': ['5'] }], true],
  ['state', [{ 'anything-but': { prefix: 'init' } }], false],
  ['state', [{ 'anything-but': { prefix: ['stop', 'run'] } }], true],
  ['FileName', [{ 'anything-but': { suffix: '.PNG' } }], false],
  ['FileName', [{ 'anything-but': { suffix: ['.txt', '.PNG'] } }], false],
  ['state', [{ 'anything-but': { 'equals-ignore-case': ['INITIALIZING'] } }], false],
  ['path', [{ 'anything-but': { wildcard: '*/photos/*' } }], false],
  ['path', [{ 'anything-but': { wildcard: ['*/videos/*', '*.gif'] } }], true],
  ['missing', [{ 'anything-but': 'x' }], false],
  ['c-count', [{ numeric: ['>', 0, '<=', 5] }], true],
  ['c-count', [{ numeric: ['>', 0, '<', 5] }], false],
  ['c-count', [{ numeric: ['<', 10] }], true],
  ['c-count', [{ numeric: ['>=', 5] }], true],
  ['c-count', [{ numeric: ['>', 5] }], false],
  ['price', [{ numeric: ['=', 12.5] }], true],
  ['state', [{ numeric: ['>', 0] }], false],
  ['source-ip', [{ cidr: '10.0.0.0/24' }], true],
  ['source-ip', [{ cidr: '10.0.1.0/24' }], false],
  ['source-ip', [{ cidr: '0.0.0.0/0' }], true],
  ['source-ipv6', [{ cidr: '2001:db8::/32' }], true],
  ['source-ipv6', [{ cidr: '10.0.0.0/8' }], false],
  ['state', [{ cidr: '10.0.0.0/8' }], false],
  ['state', [{ exists: true }], true],
  ['state', [{ exists: false }], false],
  ['missing', [{ exists: false }], true],
  ['missing', [{ exists: true }], false],
  ['nothing', [{ exists: true }], true],
  ['none', [{ exists: true }], false],
  ['inner', [{ exists: true }], false],
  ['inner', { deep: [{ exists: true }] }, true],
  ['missing', { deep: [{ exists: false }] }, true],
  ['missing', [{ exists: false }, 'x'], true],
  ['tags', ['green'], true],
  ['tags', ['red'], false],
  ['tags', [{ 'anything-but': ['blue'] }], true],
  ['tags', [{ numeric: ['=', 7] }], true],
  ['lines', { sku: ['b'], quantity: [9] }, true],
  ['lines', { sku: ['a'], quantity: [9] }, false],
  ['lines', { colour: [{ exists: false }] }, true],
  ['lines', { sku: [{ exists: false }] }, false],
  ['state', ['x', { prefix: 'init' }], true],
];

test.each(rows)('%s against %j is %s', (field, pattern, expected) => {
  expect(compilePattern({ detail: { [field]: pattern } })(event)).toBe(expected);
});

test('all fields must match, and one branch of $or is enough', () => {
  const pattern = (state: string, count: number, source: string): unknown => ({
    source: [source],
    detail: { $or: [{ state: [state] }, { 'c-count': [{ numeric: ['>', count] }] }] },
  });
  expect(compilePattern(pattern('running', 4, 'aws.ec2'))(event)).toBe(true);
  expect(compilePattern(pattern('initializing', 5, 'aws.ec2'))(event)).toBe(true);
  expect(compilePattern(pattern('running', 5, 'aws.ec2'))(event)).toBe(false);
  expect(compilePattern(pattern('initializing', 4, 'aws.s3'))(event)).toBe(false);
});

test('a wildcard takes \\* and \\\\ for the characters themselves', () => {
  const matches = compilePattern({ a: [{ wildcard: '\\*-\\\\*' }] });
  expect(matches({ a: '*-\\ and more' })).toBe(true);
  expect(matches({ a: 'x-\\ and more' })).toBe(false);
});

test('fields that an event only inherits do not exist', () => {
  expect(compilePattern({ toString: [{ exists: true }] })({})).toBe(false);
  expect(compilePattern({ constructor: { name: [{ exists: true }] } })({})).toBe(false);
});

test('an event that nests arrays as deep as its bytes allow is matched, not a stack overflow', () => {
  const deep: unknown = JSON.parse(`{"a":${'['.repeat(200_000)}"x"${']'.repeat(200_000)}}`);
  expect(compilePattern({ a: ['x'] })(deep)).toBe(true);
  expect(compilePattern({ a: { b: [{ exists: false }] } })(deep)).toBe(true);
});

test('absence is asked once of an event, however many elements its arrays have', () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => ({ n: i, ...(i === 19_999 ? { sku: 'x' } : {}) }));
  expect(compilePattern({ lines: { sku: [{ exists: false }] } })({ lines })).toBe(false);
});

const nested = (depth: number): unknown => {
  let pattern: unknown = ['x'];
  for (let i = 0; i < depth; i += 1) pattern = { a: pattern };
  return pattern;
};

const orOf = (count: number): unknown => Array.from({ length: count }, (_, i) => ({ [`f${i}`]: ['x'] }));

const bad: readonly (readonly [string, unknown, string])[] = [
  ['not an object', 'x', `Expected 'pattern' to be an object with at least one field, got "x".`],
  ['an empty pattern', {}, `Expected 'pattern' to be an object with at least one field, got {}.`],
  [
    'a scalar for a list',
    { source: 'aws.ec2' },
    `Expected 'source' to be an object with at least one field, got "aws.ec2".`,
  ],
  ['an empty list', { source: [] }, `Expected 'source' to be a list that is not empty, got [].`],
  ['an unknown operator', { a: { b: [{ like: 'x' }] } }, `Expected 'a.b[0]' to be an operator (exists, `],
  ['an inherited name for an operator', { a: [{ toString: 'x' }] }, `Expected 'a[0]' to be an operator`],
  ['two operators in one', { a: [{ prefix: 'x', suffix: 'y' }] }, `Expected 'a[0]' to be a string, a number`],
  ['a list in a list', { a: [['x']] }, `Expected 'a[0]' to be a string, a number`],
  ['a prefix that is no text', { a: [{ prefix: 5 }] }, `Expected 'a[0].prefix' to be a string or`],
  ['an unknown variant of a prefix', { a: [{ prefix: { suffix: 'x' } }] }, `Expected 'a[0].prefix' to be a string or`],
  [
    'consecutive stars',
    { a: [{ wildcard: 'a**b' }] },
    `Expected 'a[0].wildcard' to be a wildcard without consecutive stars`,
  ],
  ['a stray escape', { a: [{ wildcard: 'a\\b' }] }, `Expected 'a[0].wildcard' to be a wildcard that escapes only`],
  ['mixed types in anything-but', { a: [{ 'anything-but': ['x', 5] }] }, `Expected 'a[0].anything-but[1]' to be`],
  [
    'nothing in anything-but',
    { a: [{ 'anything-but': [] }] },
    `Expected 'a[0].anything-but' to be a list that is not empty`,
  ],
  [
    'anything-but numeric',
    { a: [{ 'anything-but': { numeric: ['=', 1] } }] },
    `Expected 'a[0].anything-but' to be one of`,
  ],
  ['an unknown comparison', { a: [{ numeric: ['==', 5] }] }, `Expected 'a[0].numeric' to be ["=", n]`],
  ['a range upside down', { a: [{ numeric: ['>', 5, '<', 5] }] }, `Expected 'a[0].numeric' to be ["=", n]`],
  ['two lower bounds', { a: [{ numeric: ['>', 1, '>', 5] }] }, `Expected 'a[0].numeric' to be ["=", n]`],
  [
    'a number out of range',
    { a: [{ numeric: ['>', 6e9] }] },
    `Expected 'a[0].numeric[1]' to be a number from -5e9 to 5e9`,
  ],
  ['a comparison with text', { a: [{ numeric: ['>', '5'] }] }, `Expected 'a[0].numeric[1]' to be a number`],
  ['exists that is no boolean', { a: [{ exists: 'yes' }] }, `Expected 'a[0].exists' to be true or false, got "yes".`],
  ['a mask that is too long', { a: [{ cidr: '10.0.0.0/33' }] }, `Expected 'a[0].cidr' to be an address and a mask`],
  ['a mask that is missing', { a: [{ cidr: '10.0.0.0' }] }, `Expected 'a[0].cidr' to be an address and a mask`],
  ['no address', { a: [{ cidr: 'x/8' }] }, `Expected 'a[0].cidr' to be an address and a mask`],
  ['a $or with one branch', { $or: [{ a: ['x'] }] }, `Expected '$or' to be a list of two or more patterns`],
  ['a $or that is no list', { $or: { a: ['x'] } }, `Expected '$or' to be a list of two or more patterns`],
  ['nesting beyond the limit', nested(70), `nested at most 64 deep`],
  ['too many combinations', { a: { $or: orOf(40) }, b: { $or: orOf(40) } }, `at most 1000 combinations, got 1600`],
];

test.each(bad)('%s is refused, and the message says where', (_, pattern, message) => {
  expect(() => compilePattern(pattern)).toThrow(InvalidPatternError);
  expect(() => compilePattern(pattern)).toThrow(message);
});

import fc from 'fast-check';
import { jsonPointer } from '#single-node/adapter/json-pointer';
import { jsonStats, type JsonMetric } from '#single-node/adapter/json-stats';

const metric = (more: Partial<JsonMetric>): JsonMetric => ({
  pointer: '/a',
  name: 'app_a',
  help: 'A.',
  type: 'gauge',
  ...more,
});

/** The document that RFC 6901 has as its example. */
const RFC = {
  foo: ['bar', 'baz'],
  '': 0,
  'a/b': 1,
  'c%d': 2,
  'e^f': 3,
  'g|h': 4,
  'i\\j': 5,
  'k"l': 6,
  ' ': 7,
  'm~n': 8,
};

test.each([
  ['', RFC],
  ['/foo', ['bar', 'baz']],
  ['/foo/0', 'bar'],
  ['/', 0],
  ['/a~1b', 1],
  ['/c%d', 2],
  ['/e^f', 3],
  ['/g|h', 4],
  ['/i\\j', 5],
  ['/k"l', 6],
  ['/ ', 7],
  ['/m~0n', 8],
  ['/foo/2', undefined],
  ['/foo/00', undefined],
  ['/foo/length', undefined],
  ['/foo/-', undefined],
  ['/toString', undefined],
  ['/__proto__', undefined],
  ['/foo/0/length', undefined],
])('the pointer %j leads where RFC 6901 says', (pointer, value) => {
  expect(jsonPointer(pointer)(RFC)).toEqual(value);
});

test.each(['a', 'a/b', '/~', '/~2', '/a~'])('%j is no pointer', (pointer) => {
  expect(() => jsonPointer(pointer)).toThrow("Expected 'pointer'");
});

test('declared places become metrics, in base units; booleans are 1 and 0', () => {
  const read = jsonStats({
    metrics: [
      metric({ pointer: '/heap/used', name: 'app_heap_used_bytes' }),
      metric({ pointer: '/uptimeMs', name: 'app_uptime_seconds', scale: 0.001, labels: { host: 'a' } }),
      metric({ pointer: '/ready', name: 'app_ready' }),
      metric({ pointer: '/pools', each: 'pool', value: '/size', name: 'app_pool_size' }),
      metric({ pointer: '/calls', each: 'operation', name: 'app_calls_total', type: 'counter' }),
    ],
    maxSeriesCount: 10,
  });
  const { families, unparsedCount } = read(
    JSON.stringify({
      heap: { used: 5 },
      uptimeMs: 1_500,
      ready: true,
      pools: [{ size: 3 }, { size: 4 }],
      calls: { get: 1, put: 2 },
    }),
  );
  expect(unparsedCount).toBe(0);
  expect(Object.fromEntries(families.map(({ name, samples }) => [name, samples]))).toEqual({
    app_heap_used_bytes: [{ labels: {}, value: 5 }],
    app_uptime_seconds: [{ labels: { host: 'a' }, value: 1.5 }],
    app_ready: [{ labels: {}, value: 1 }],
    app_pool_size: [
      { labels: { pool: '0' }, value: 3 },
      { labels: { pool: '1' }, value: 4 },
    ],
    app_calls_total: [
      { labels: { operation: 'get' }, value: 1 },
      { labels: { operation: 'put' }, value: 2 },
    ],
  });
});

test('what is not there or no number is counted, member by member', () => {
  const read = jsonStats({
    metrics: [metric({}), metric({ pointer: '/all', each: 'of', name: 'app_all' })],
    maxSeriesCount: 3,
  });
  expect(read('{"a":"1","all":{"x":1,"y":null,"z":{}}}').unparsedCount).toBe(3);
  expect(read('{"a":1e999,"all":7}').unparsedCount).toBe(2);
  const many = read(JSON.stringify({ a: 1, all: [1, 2, 3, 4, 5] }));
  expect([many.unparsedCount, many.families[1]?.samples.length]).toEqual([2, 3]);
});

test('nothing in a document makes it fail', () => {
  const read = jsonStats({
    metrics: [metric({ pointer: '/a/b' }), metric({ pointer: '', each: 'of' })],
    maxSeriesCount: 5,
  });
  const deep = '['.repeat(50_000) + ']'.repeat(50_000);
  for (const text of ['', 'null', '1', '"x"', '[]', '{"a":null}', '{"__proto__":{"b":1}}', deep, 'NaN', '{'])
    expect(() => read(text)).not.toThrow();
  fc.assert(
    fc.property(fc.json(), (text) => {
      for (const { samples } of read(text).families)
        expect(new Set(samples.map(({ labels }) => JSON.stringify(labels))).size).toBe(samples.length);
    }),
  );
});

test.each([
  ['a name that Prometheus refuses', metric({ name: 'appA' })],
  ['a label that it refuses', metric({ each: 'le' })],
  ['no pointer', metric({ pointer: 'a' })],
  ['a scale of nothing', metric({ scale: 0 })],
  ['an option that there is not', { ...metric({}), unit: 'ms' } as JsonMetric],
])('%s is refused when the mapping is made', (_, bad) => {
  expect(() => jsonStats({ metrics: [bad], maxSeriesCount: 1 })).toThrow(/^Expected '/);
});

import { canonicalJson } from '#primitives/canonical-json';

test('the order of fields does not matter, that of items does', () => {
  expect(canonicalJson({ b: [1, { d: 'x', c: null }], a: true })).toBe('{"a":true,"b":[1,{"c":null,"d":"x"}]}');
  expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
});

test('a value is what JSON makes of it: toJSON counts, and what is undefined is not there', () => {
  const at = new Date(0);
  expect(canonicalJson({ at })).toBe('{"at":"1970-01-01T00:00:00.000Z"}');
  expect(canonicalJson({ at })).not.toBe(canonicalJson({ at: new Date(1) }));
  expect(canonicalJson(new URL('http://a.example/b'))).toBe('"http://a.example/b"');
  expect(canonicalJson({ a: undefined, b: [undefined, -0] })).toBe('{"b":[null,0]}');
  expect(canonicalJson({ a: undefined })).toBe(canonicalJson({}));
  expect(canonicalJson(Array(2))).toBe('[null,null]');
  expect(canonicalJson(undefined)).toBe('');
  expect(canonicalJson(JSON.parse('{"__proto__":1}'))).toBe('{"__proto__":1}');
  expect(canonicalJson(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
});

test('what is there twice is no cycle', () => {
  const shared = { a: 1 };
  expect(canonicalJson([shared, shared])).toBe('[{"a":1},{"a":1}]');
});

const ring: { self?: unknown } = {};
ring.self = [ring];
class Money {
  readonly cents = 1;
}

test.each([
  ['a Set', new Set([1])],
  ['a Map', new Map([[1, 2]])],
  ['bytes', new Uint8Array(2)],
  ['an instance of a class', new Money()],
  ['a bigint', 1n],
  ['a symbol', Symbol('s')],
  ['a function', () => 1],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['a value in itself', ring],
])('%s is refused, which JSON would lose', (_, value) => {
  const refused = expect.objectContaining({ name: 'InvalidArgumentError' });
  for (const given of [value, { field: value }, [value]])
    expect(() => canonicalJson(given, 'request')).toThrow(/^Expected 'request' to be JSON/);
  expect(() => canonicalJson(value)).toThrow(refused as Error);
});

test('nesting without end is refused, not an overflow of the stack', () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
  expect(() => canonicalJson(deep)).toThrow(/nested 1000 deep at most/);
});

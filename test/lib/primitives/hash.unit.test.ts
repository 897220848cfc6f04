import { hash32, hashAscii, mix32 } from '#primitives/hash';

test.each([
  ['', 0, 0],
  ['', 1, 0x514e28b7],
  ['', 0xffffffff, 0x81f16f39],
  ['hello', 0, 0x248bfa47],
  ['hello, world', 0, 0x149bbb7f],
  ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
  ['\0', 0, 0x514e28b7],
])('%j with seed %i is what MurmurHash3 says', (text, seed, hash) => {
  expect(hash32(text, seed)).toBe(hash);
});

test('it is of the bytes of UTF-8: the two forms of é differ', () => {
  expect(hash32('é')).not.toBe(hash32('e\u0301'));
});

test('one bit of the input changes about half of the output', () => {
  const ones = (value: number): number => value.toString(2).replaceAll('0', '').length;
  for (const each of [(n: number) => mix32(n), (n: number) => hash32(String(n))]) {
    let changed = 0;
    for (let n = 0; n < 2_000; n += 1) changed += ones((each(n) ^ each(n + 1)) >>> 0);
    expect(changed / 2_000).toBeGreaterThan(15);
    expect(changed / 2_000).toBeLessThan(17);
  }
});

test.each(Array.from({ length: 9 }, (_, at) => 'abcdefgh'.slice(0, at)))(
  'the short way for ASCII comes to what the bytes come to: %j',
  (text) => {
    // One letter more makes the bytes necessary; the hash of the whole is of both ways.
    expect(hashAscii(text, 7)).toBe(hash32(text, 7));
    expect(hashAscii(`${text}é`)).toBe(-1);
  },
);

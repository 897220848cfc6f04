import fc from 'fast-check';
import {
  codeHash,
  drawCode,
  hideCode,
  keyedMac,
  sameHash,
  showCode,
} from '#serving/functions-and-events/two-factor/mac';

const key = fc.uint8Array({ minLength: 32, maxLength: 64 });
const id = fc.string({ minLength: 1 });
const code = fc.integer({ min: 0, max: 999_999 }).map((number) => String(number).padStart(6, '0'));

test('what was hidden is shown again, to who has the key', () =>
  fc.assert(
    fc.asyncProperty(key, id, code, async (secret, challengeId, given) => {
      const mac = keyedMac(secret);
      const hidden = await hideCode(mac, challengeId, given);
      expect(hidden).toBeGreaterThanOrEqual(0);
      expect(hidden).toBeLessThan(1_000_000);
      expect(await showCode(mac, challengeId, hidden)).toBe(given);
    }),
  ));

test('hashes are equal for the same code of the same challenge under the same key, and for nothing else', () =>
  fc.assert(
    fc.asyncProperty(key, id, id, code, code, async (secret, one, other, first, second) => {
      const mac = keyedMac(secret);
      const hash = await codeHash(mac, one, first);
      expect(sameHash(hash, await codeHash(mac, one, first))).toBe(true);
      expect(sameHash(hash, await codeHash(mac, other, second))).toBe(one === other && first === second);
      expect(sameHash(hash, await codeHash(keyedMac(Buffer.alloc(32, 1)), one, first))).toBe(false);
      expect(sameHash(hash, '')).toBe(false);
    }),
  ));

test('the pad of each challenge is another: the same code looks different in each', async () => {
  const mac = keyedMac(Buffer.alloc(32, 3));
  const hidden = await Promise.all(Array.from({ length: 500 }, (_, index) => hideCode(mac, `c-${index}`, '123456')));
  expect(new Set(hidden).size).toBeGreaterThan(490);
});

test('a code has six digits, whatever is drawn, and all of a million may be', () => {
  const limits: number[] = [];
  const drawn = [0, 7, 42_000, 999_999].map((number) =>
    drawCode((limit) => {
      limits.push(limit);
      return number;
    }),
  );
  expect(drawn).toEqual(['000000', '000007', '042000', '999999']);
  expect(new Set(limits)).toEqual(new Set([1_000_000]));
});

test('a key of fewer than 32 bytes is refused', () => {
  expect(() => keyedMac(Buffer.alloc(31))).toThrow("Expected 'key' to be 32 bytes or more, got 31.");
});

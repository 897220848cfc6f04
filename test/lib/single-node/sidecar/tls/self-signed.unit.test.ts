import { createPrivateKey, X509Certificate } from 'node:crypto';
import { InvalidArgumentError } from '#primitives/errors';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { selfSignedPair } from '#single-node/sidecar/tls/self-signed';
import { DAY_MS } from './pairs.ts';

const clock = memoryClock({ startMs: Date.UTC(2030, 0, 1) });
const random = seededRandom(7);
const make = (names: readonly string[], validMs = DAY_MS) => selfSignedPair({ names, validMs, clock, random });

test('a certificate is for its names and addresses, for as long as was asked, and signed by its own key', async () => {
  const { cert, key } = await make(['shop.example', 'localhost', '127.0.0.1', '::1', 'fe80::12:3456']);
  const parsed = new X509Certificate(cert);
  expect(parsed.subjectAltName).toBe(
    'DNS:shop.example, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, IP Address:FE80:0:0:0:0:0:12:3456',
  );
  expect(parsed.verify(parsed.publicKey)).toBe(true);
  expect(parsed.checkPrivateKey(createPrivateKey(key))).toBe(true);
  expect(Date.parse(parsed.validFrom)).toBe(clock.nowMs() - 60_000);
  expect(Date.parse(parsed.validTo)).toBe(clock.nowMs() + DAY_MS);
});

test('years from 2050 on are written with four digits', async () => {
  const { cert } = await make(['a'], 30 * 365 * DAY_MS);
  expect(Date.parse(new X509Certificate(cert).validTo)).toBe(clock.nowMs() + 30 * 365 * DAY_MS);
});

test('every certificate has a serial number of its own', async () => {
  const serials = await Promise.all(
    Array.from({ length: 50 }, async () => new X509Certificate((await make(['a'])).cert).serialNumber),
  );
  expect(new Set(serials).size).toBe(50);
});

test.each([
  ['nobody', []],
  ['a path', ['../etc']],
  ['a name with a space', ['a b']],
  ['a wildcard', ['*.example']],
])('a certificate for %s is refused', async (_, names) => {
  await expect(make(names)).rejects.toThrow(InvalidArgumentError);
});

test('a common name takes at most 64 characters', async () => {
  await expect(make(['a'.repeat(65)])).rejects.toThrow(InvalidArgumentError);
});

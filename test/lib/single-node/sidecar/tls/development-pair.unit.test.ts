import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { loadCertificate } from '#single-node/sidecar/tls/certificate';
import { ensureDevelopmentPair } from '#single-node/sidecar/tls/development-pair';
import { DAY_MS } from './pairs.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'pair-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const clock = memoryClock();
const ensure = (name: string) =>
  ensureDevelopmentPair({
    certFile: path.join(folder, `${name}.pem`),
    keyFile: path.join(folder, `${name}.key`),
    names: ['localhost'],
    validMs: DAY_MS,
    clock,
    random: seededRandom(1),
  });

test('a pair is written where there is none, its key for the owner alone, and never replaced', async () => {
  expect(await ensure('a')).toBe(true);
  const files = { certFile: path.join(folder, 'a.pem'), keyFile: path.join(folder, 'a.key') };
  expect(await loadCertificate(files, clock.nowMs())).toMatchObject({ status: 'loaded' });
  expect(statSync(files.keyFile).mode & 0o777).toBe(0o600);
  const before = readFileSync(files.certFile, 'utf8');
  expect(await ensure('a')).toBe(false);
  expect(readFileSync(files.certFile, 'utf8')).toBe(before);
});

test('half a pair is not completed: whose it is cannot be known', async () => {
  writeFileSync(path.join(folder, 'b.pem'), 'mine');
  await expect(ensure('b')).rejects.toMatchObject({ code: 'sidecar/certificate' });
  writeFileSync(path.join(folder, 'c.key'), 'mine');
  await expect(ensure('c')).rejects.toThrow(/c.key is there, but not .*c.pem/);
});

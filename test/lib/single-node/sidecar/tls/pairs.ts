import { X509Certificate } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '#primitives/system-clock';
import { systemRandom } from '#primitives/system-random';
import { selfSignedPair, type CertificatePair } from '#single-node/sidecar/tls/self-signed';

export const DAY_MS = 86_400_000;

export const pairFor = (
  names: readonly string[],
  options: { readonly validMs?: number; readonly nowMs?: number } = {},
): Promise<CertificatePair> => {
  const clock = systemClock({ offsetMs: (options.nowMs ?? Date.now()) - Date.now() });
  return selfSignedPair({ names, validMs: options.validMs ?? 30 * DAY_MS, clock, random: systemRandom() });
};

export const serialOf = ({ cert }: CertificatePair): string => new X509Certificate(cert).serialNumber;

/** A folder with the two files of a pair, replaced as a renewal does it: each file whole, one after the other. */
export const pairFolder = () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pair-'));
  const certFile = path.join(folder, 'cert.pem');
  const keyFile = path.join(folder, 'key.pem');
  const replace = (file: string, text: string): void => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  return {
    certFile,
    keyFile,
    writeCert: (text: string) => replace(certFile, text),
    writeKey: (text: string) => replace(keyFile, text),
    write: ({ cert, key }: CertificatePair) => {
      replace(certFile, cert);
      replace(keyFile, key);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};

import { access, writeFile } from 'node:fs/promises';
import { PatternError } from '#primitives/errors';
import type { CertificateFiles } from './certificate.ts';
import { selfSignedPair, type SelfSignedOptions } from './self-signed.ts';

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * Writes a self-signed pair where there is none; a pair that is there stays as it is. True when it wrote one. For
 * development: whoever has the key can be the server. Only the owner may read the key.
 *
 * @throws {@link PatternError} `sidecar/certificate` when only one of the two files is there
 */
export const ensureDevelopmentPair = async (options: CertificateFiles & SelfSignedOptions): Promise<boolean> => {
  const { certFile, keyFile, ...how } = options;
  const [hasCert, hasKey] = [await isThere(certFile), await isThere(keyFile)];
  if (hasCert && hasKey) return false;
  if (hasCert || hasKey) {
    const [there, missing] = hasCert ? [certFile, keyFile] : [keyFile, certFile];
    throw new PatternError('sidecar/certificate', `${there} is there, but not ${missing}: give both, or neither`);
  }
  const { cert, key } = await selfSignedPair(how);
  // `wx`: what somebody else wrote in the meantime is not ours to replace.
  await writeFile(keyFile, key, { flag: 'wx', mode: 0o600 });
  await writeFile(certFile, cert, { flag: 'wx', mode: 0o644 });
  return true;
};

import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/** Where a certificate and its key are kept, as PEM. The certificate may be followed by those that it is signed by. */
export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** A pair that fits together and is valid now. */
export interface Certificate {
  /** Of the content of both files. */
  readonly fingerprint: string;
  readonly serial: string;
  readonly validToMs: number;
  readonly isFor: (serverName: string) => boolean;
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

export type LoadedCertificate =
  | { readonly status: 'loaded'; readonly certificate: Certificate }
  | { readonly status: 'refused'; readonly reason: string };

const MAX_FILE_BYTES = 262_144;

const refused = (reason: string): LoadedCertificate => ({ status: 'refused', reason });

const readPem = async (file: string): Promise<Buffer> => {
  const { size } = await stat(file);
  if (size > MAX_FILE_BYTES) throw new Error(`it has ${size} bytes, ${MAX_FILE_BYTES} are allowed`);
  return readFile(file);
};

const attempt = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

/** A reason names the file and what is wrong, and nothing of its content. */
const judge = (
  cert: Buffer,
  key: Buffer,
  { certFile, keyFile }: CertificateFiles,
  nowMs: number,
): LoadedCertificate => {
  const parsed = attempt(() => new X509Certificate(cert));
  if (parsed === undefined) return refused(`${certFile} is no certificate in PEM`);
  const privateKey = attempt(() => createPrivateKey(key));
  if (privateKey === undefined) return refused(`${keyFile} is no private key in PEM without a passphrase`);
  if (!parsed.checkPrivateKey(privateKey)) return refused(`${keyFile} is not the key of ${certFile}`);
  const validToMs = Date.parse(parsed.validTo);
  if (!(validToMs > nowMs)) return refused(`${certFile} expired at ${parsed.validTo}`);
  if (Date.parse(parsed.validFrom) > nowMs) return refused(`${certFile} is not valid before ${parsed.validFrom}`);
  const options: SecureContextOptions = { cert, key, minVersion: 'TLSv1.2' };
  const context = attempt(() => createSecureContext(options));
  if (context === undefined) return refused(`${certFile} and ${keyFile} are not accepted by OpenSSL`);
  return {
    status: 'loaded',
    certificate: {
      fingerprint: createHash('sha256').update(`${cert.length}:`).update(cert).update(key).digest('hex'),
      serial: parsed.serialNumber,
      validToMs,
      isFor: (serverName) => parsed.checkHost(serverName) !== undefined,
      options,
      context,
    },
  };
};

/**
 * Reads a pair and looks whether it may be served at `nowMs`: both parse, the key is the certificate's, and it is
 * valid. Never throws.
 */
export const loadCertificate = async (files: CertificateFiles, nowMs: number): Promise<LoadedCertificate> => {
  const contents: Buffer[] = [];
  for (const file of [files.certFile, files.keyFile]) {
    try {
      contents.push(await readPem(file));
    } catch (error) {
      return refused(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const [cert, key] = contents;
  return cert === undefined || key === undefined ? refused('nothing was read') : judge(cert, key, files, nowMs);
};

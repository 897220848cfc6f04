import { generateKeyPair, sign } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { promisify } from 'node:util';
import { checkInteger, refuse } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import type { Random } from '#primitives/random';
import { bits, implicit, integer, octets, oid, sequence, set, tagged, time, utf8, yes } from './der.ts';

export interface SelfSignedOptions {
  /** Host names and addresses that it is for, 1..20; the first is its common name. */
  readonly names: readonly string[];
  /** How long it is valid, from a minute ago on. 1..3_153_600_000_000 ms (100 years). */
  readonly validMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** A certificate and its private key, as PEM. */
export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

const MAX_NAMES = 20;
const HUNDRED_YEARS_MS = 100 * 365 * 86_400_000;
/** Clocks of machines differ; a certificate that is not valid yet is refused. */
const BACKDATED_MS = 60_000;

/** @see https://datatracker.ietf.org/doc/html/rfc5280#appendix-A and rfc5758 (ecdsa-with-SHA256) */
const OIDS = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
};

const HOST = /^(?=.{1,64}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/i;

const addressBytes = (address: string): Buffer => {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split(/::/);
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const middle = Array.from<string>({ length: 8 - before.length - after.length }).fill('0');
  return Buffer.from([...before, ...middle, ...after].map((group) => group.padStart(4, '0')).join(''), 'hex');
};

const generalName = (name: string): Buffer =>
  isIP(name) === 0 ? implicit(2, Buffer.from(name)) : implicit(7, addressBytes(name));

const checkNames = (names: readonly string[]): void => {
  checkInteger('names.length', names.length, 1, MAX_NAMES);
  for (const name of names) {
    if (isIP(name) === 0 && !HOST.test(name)) throw refuse('names', 'host names or IP addresses', name);
    if (name.includes('%') || (name.includes(':') && name.includes('.'))) {
      throw refuse('names', 'plain IP addresses, without zone or embedded IPv4', name);
    }
  }
};

const pem = (label: string, der: Buffer): string =>
  `-----BEGIN ${label}-----\n${der.toString('base64').replaceAll(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`;

/**
 * A new key and a certificate that is signed by it (ECDSA, P-256, SHA-256): for development and tests. A client trusts
 * it when it is given the certificate as an authority. Each has a serial number of its own.
 *
 * @throws {@link InvalidArgumentError} when a name is neither a host name nor an address
 * @see https://datatracker.ietf.org/doc/html/rfc5280#section-4.1
 */
export const selfSignedPair = async (options: SelfSignedOptions): Promise<CertificatePair> => {
  const { names, validMs, clock, random } = options;
  checkNames(names);
  checkInteger('validMs', validMs, 1, HUNDRED_YEARS_MS);
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(OIDS.ecdsaWithSha256));
  const subject = sequence(set(sequence(oid(OIDS.commonName), utf8(names[0] ?? ''))));
  const nowMs = clock.nowMs();
  const body = sequence(
    tagged(0, integer('2')),
    integer(`1${random.uuid().replaceAll('-', '').slice(1)}`),
    algorithm,
    subject,
    sequence(time(nowMs - BACKDATED_MS), time(nowMs + validMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      3,
      sequence(
        sequence(oid(OIDS.subjectAltName), octets(sequence(...names.map(generalName)))),
        sequence(oid(OIDS.basicConstraints), yes, octets(sequence(yes))),
      ),
    ),
  );
  const certificate = sequence(body, algorithm, bits(sign('sha256', body, privateKey)));
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
};

import { refuse } from '#primitives/checks';
import { ensureDevelopmentPair } from '#single-node/sidecar/tls/development-pair';
import { tlsSidecar } from '#single-node/sidecar/tls/tls-sidecar';
import type { SidecarCommand } from './sidecar-command.ts';

const LONGEST_MS = 3_600_000;
const DEVELOPMENT_VALID_MS = 30 * 86_400_000;

const ms = (help: string, byDefault: number) =>
  ({ kind: 'integer', min: 1, max: LONGEST_MS, default: byDefault, help }) as const;

/** `sidecar tls`: HTTPS in front of a plain HTTP program. */
export const tlsCommand: SidecarCommand = {
  summary: 'HTTPS for a program that speaks plain HTTP',
  help: `
Terminates TLS and forwards every request to the program on loopback. When the files of the certificate change, new
connections get the new certificate; connections that there are go on. A pair that does not fit is not served: the one
before is kept. Several pairs: give --cert and --key several times, in the same order; the client's server name chooses.

  distributed-patterns sidecar tls --cert server.pem --key server.key --target-port 8080 --port 8443`,
  options: {
    cert: { kind: 'text', value: 'FILE', many: true, help: 'the certificate (PEM), with those that signed it' },
    key: { kind: 'text', value: 'FILE', many: true, help: 'its private key (PEM, without a passphrase)' },
    'self-signed': {
      kind: 'text',
      value: 'NAME',
      many: true,
      help: 'for development: where there is no pair, writes one for these names',
    },
    host: { kind: 'text', value: 'ADDRESS', default: '127.0.0.1', help: 'the address to listen at' },
    port: { kind: 'integer', min: 0, max: 65_535, default: 8443, help: 'the port to listen at; 0 takes a free one' },
    'target-host': { kind: 'text', value: 'ADDRESS', default: '127.0.0.1', help: 'where the program is: loopback' },
    'target-port': { kind: 'integer', min: 1, max: 65_535, help: 'the port of the program' },
    'reload-ms': { kind: 'integer', min: 10, max: LONGEST_MS, default: 1_000, help: 'how often to look at the files' },
    'handshake-ms': ms('for a TLS handshake', 10_000),
    'headers-ms': ms('for the head of a request', 10_000),
    'request-ms': ms('for a whole request', 60_000),
    'keep-alive-ms': ms('how long a connection waits for another request', 5_000),
    'answer-ms': ms('how long the program may be silent', 60_000),
    'max-connections': { kind: 'integer', min: 1, max: 1_000_000, default: 1_000, help: 'more are closed at once' },
    'max-header-bytes': { kind: 'integer', min: 1_024, max: 1_048_576, default: 16_384, help: 'of a request' },
    'max-body-bytes': { kind: 'integer', min: 0, max: 2 ** 40, default: 10_485_760, help: 'of a request' },
  },
  make: async (values, { clock, random }) => {
    const certs = values.texts('cert');
    const keys = values.texts('key');
    if (certs.length === 0) throw refuse('--cert', 'given', 'nothing');
    if (keys.length !== certs.length) throw refuse('--key', `given as often as --cert (${certs.length})`, keys.length);
    const certificates = certs.map((certFile, at) => ({ certFile, keyFile: keys[at] ?? '' }));
    const sidecar = tlsSidecar({
      certificates,
      listen: { host: values.text('host'), port: values.integer('port') },
      target: { host: values.text('target-host'), port: values.integer('target-port') },
      reloadMs: values.integer('reload-ms'),
      limits: {
        handshakeMs: values.integer('handshake-ms'),
        headersMs: values.integer('headers-ms'),
        requestMs: values.integer('request-ms'),
        keepAliveMs: values.integer('keep-alive-ms'),
        answerMs: values.integer('answer-ms'),
        maxConnections: values.integer('max-connections'),
        maxHeaderBytes: values.integer('max-header-bytes'),
        maxBodyBytes: values.integer('max-body-bytes'),
      },
    });
    const names = values.texts('self-signed');
    // Only when everything else makes sense.
    for (const files of names.length > 0 ? certificates : []) {
      await ensureDevelopmentPair({ ...files, names, validMs: DEVELOPMENT_VALID_MS, clock, random });
    }
    return sidecar;
  },
};

import fc from 'fast-check';
import { answerHeaders, forwardedHeaders } from '#single-node/sidecar/tls/headers';

const token = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/);
const name = fc.oneof(
  token,
  fc.constantFrom('Connection', 'Keep-Alive', 'TE', 'Upgrade', 'X-Forwarded-For', 'X_Forwarded_Proto', 'Forwarded'),
  fc.constantFrom('Host', 'Content-Length', 'Cookie', 'Authorization', 'Transfer-Encoding', 'X-Real-IP', 'Expect'),
);
const raw = fc.array(fc.tuple(name, fc.oneof(token, fc.constantFrom('close, X-Secret', 'host, cookie'))), {
  maxLength: 12,
});
const namesOf = (headers: readonly string[]): readonly string[] =>
  headers.filter((_, at) => at % 2 === 0).map((header) => header.toLowerCase());

test('whatever a client sends, the program is told of one client, and of no connection but its own', () => {
  fc.assert(
    fc.property(raw, (pairs) => {
      const sent = forwardedHeaders(pairs.flat(), { address: '::ffff:10.1.2.3', host: 'a' });
      const names = namesOf(sent);
      const claims = names.filter((header) => /^(x[-_](forwarded|real)|forwarded)/.test(header));
      expect(claims.toSorted()).toEqual(['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto']);
      expect(sent[sent.indexOf('X-Forwarded-For') + 1]).toBe('10.1.2.3');
      for (const hop of ['connection', 'te', 'upgrade', 'keep-alive', 'transfer-encoding', 'expect']) {
        expect(names).not.toContain(hop);
      }
      // What Connection names goes too, but nobody has the host or the credentials of a request taken out.
      for (const kept of ['host', 'content-length', 'cookie', 'authorization']) {
        expect(names.filter((header) => header === kept)).toHaveLength(
          pairs.filter(([header]) => header.toLowerCase() === kept).length,
        );
      }
    }),
  );
});

test('what Connection names is of that connection, in answers too; repeated headers stay in order', () => {
  const headers = answerHeaders(['Connection', 'close, X-Hop', 'X-Hop', '1', 'Set-Cookie', 'a', 'Set-Cookie', 'b']);
  expect(headers).toEqual(['Set-Cookie', 'a', 'Set-Cookie', 'b']);
});

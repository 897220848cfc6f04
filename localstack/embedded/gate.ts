import type { IncomingHttpHeaders } from 'node:http';

const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\]|(?:[a-z0-9_.-]+\.)localhost)(?::\d{1,5})?$/i;

/**
 * Why a request is not let in, or undefined. A page on the web must not reach the endpoint: neither under a name of
 * its own that resolves to this machine (its `Host` is not ours), nor by a form (its `Origin` is not ours).
 */
export const gate = (headers: IncomingHttpHeaders): string | undefined => {
  const { host, origin } = headers;
  if (host === undefined || !LOOPBACK.test(host))
    return `Expected the host to be 127.0.0.1, localhost, [::1] or *.localhost, got '${host ?? ''}'.`;
  if (origin === undefined) return undefined;
  const page = URL.parse(origin);
  return page !== null && LOOPBACK.test(page.host)
    ? undefined
    : `Expected the origin to be on this machine, got '${origin}'.`;
};

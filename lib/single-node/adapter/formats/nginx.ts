import type { LineParser, Severity } from '../log-line.ts';
import { nginxTime } from './times.ts';

const TIME_LENGTH = '25/Nov/2026:22:46:54 +0000'.length;
const HEX = /^[0-9A-Fa-f]{2}$/;

/** nginx writes what is not printable, quotes and backslashes as the bytes `\xHH`; others write `\"` and `\\`. */
const unescape = (text: string): string => {
  if (!text.includes('\\')) return text;
  const bytes: Buffer[] = [];
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    bytes.push(Buffer.from(text.slice(from, at)));
    const hex = text.slice(at + 2, at + 4);
    const isByte = text[at + 1] === 'x' && HEX.test(hex);
    if (isByte) bytes.push(Buffer.from(hex, 'hex'));
    else bytes.push(Buffer.from(text.slice(at + 1, at + 2)));
    from = at + (isByte ? 4 : 2);
  }
  return Buffer.concat([...bytes, Buffer.from(text.slice(from))]).toString();
};

/** A quoted text that begins at `at`, and where it ends; undefined when it does not. */
const quoted = (line: string, at: number): { readonly text: string; readonly end: number } | undefined => {
  if (line[at] !== '"') return undefined;
  for (let end = at + 1; end < line.length; end += 1) {
    if (line[end] === '\\') end += 1;
    else if (line[end] === '"') return { text: unescape(line.slice(at + 1, end)), end: end + 1 };
  }
  return undefined;
};

/** Where ` [time] "` is: a user may be called anything, but nobody but nginx writes a quote. */
const findTime = (line: string, from: number): { readonly at: number; readonly timeMs: number } | undefined => {
  for (let at = line.indexOf(' [', from); at >= 0; at = line.indexOf(' [', at + 1)) {
    if (!line.startsWith('] "', at + 2 + TIME_LENGTH)) continue;
    const timeMs = nginxTime(line.slice(at + 2, at + 2 + TIME_LENGTH));
    if (timeMs !== undefined) return { at, timeMs };
  }
  return undefined;
};

const severityOf = (status: number): Severity => {
  if (status >= 500) return 'error';
  return status >= 400 ? 'warn' : 'info';
};

/** Nobody sent it: nginx writes a dash. */
const unlessDash = (name: string, text: string) => (text === '-' || text === '' ? {} : { [name]: text });

const requestFields = (request: string) => {
  const parts = request.split(' ', 4);
  const [method = '', target = '', protocol = ''] = parts;
  const isHttp = parts.length === 3 && /^[A-Z]{1,20}$/.test(method) && protocol.startsWith('HTTP/');
  return isHttp ? { method, target, protocol } : { request };
};

/** What follows the request: status, bytes, and perhaps referer, user agent and more of somebody's own. */
const TAIL = /^ (\d{3}) (\d{1,15}|-)(?: |$)/;

/**
 * nginx' and Apache's `combined` (and `common`) access log. What follows the user agent is kept as `rest`.
 *
 * @see https://nginx.org/en/docs/http/ngx_http_log_module.html
 */
export const parseNginx: LineParser = (line) => {
  const dash = line.indexOf(' - ');
  const time = dash < 1 ? undefined : findTime(line, dash + 2);
  if (time === undefined) return undefined;
  const client = line.slice(0, dash);
  const request = quoted(line, time.at + 2 + TIME_LENGTH + 2);
  if (request === undefined || client.includes(' ')) return undefined;
  // A status, a length and two spaces.
  const tail = TAIL.exec(line.slice(request.end, request.end + 22));
  if (tail === null) return undefined;
  const [head, status = '', size = ''] = tail;
  const referer = quoted(line, request.end + head.length);
  const userAgent = referer === undefined ? undefined : quoted(line, referer.end + 1);
  const end = userAgent?.end ?? referer?.end ?? request.end + head.length;
  return {
    message: `${request.text} ${status}`,
    severity: severityOf(Number(status)),
    timeMs: time.timeMs,
    fields: {
      client,
      ...unlessDash('user', unescape(line.slice(dash + 3, time.at))),
      ...requestFields(request.text),
      status: Number(status),
      ...(size === '-' ? {} : { sizeBytes: Number(size) }),
      ...unlessDash('referer', referer?.text ?? ''),
      ...unlessDash('userAgent', userAgent?.text ?? ''),
      ...unlessDash('rest', line.slice(end).trim()),
    },
  };
};

import type { LineParser, Severity } from '../log-line.ts';
import { nginxTime } from './times.ts';

const TIME_LENGTH = '25/Nov/2026:22:46:54 +0000'.length;
const HEX = '0123456789ABCDEF';
const BACKSLASH = 92;

/** The byte that `\xHH` at `at` stands for; undefined when there is none. */
const byteAt = (text: string, at: number): number | undefined => {
  if (text[at + 1] !== 'x') return undefined;
  const high = HEX.indexOf(text[at + 2]?.toUpperCase() ?? ' ');
  const low = HEX.indexOf(text[at + 3]?.toUpperCase() ?? ' ');
  return high < 0 || low < 0 ? undefined : high * 16 + low;
};

/** nginx writes what is not printable, quotes and backslashes as the bytes `\xHH`; others write `\"` and `\\`. */
const unescape = (text: string): string => {
  if (!text.includes('\\')) return text;
  // Nothing that is escaped is longer than its escape.
  const bytes = Buffer.alloc(Buffer.byteLength(text));
  let end = 0;
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', from)) {
    end += bytes.write(text.slice(from, at), end);
    const byte = byteAt(text, at);
    if (byte === undefined) {
      const escaped = String.fromCodePoint(text.codePointAt(at + 1) ?? BACKSLASH);
      end += bytes.write(escaped, end);
      from = at + 1 + escaped.length;
    } else {
      end = bytes.writeUInt8(byte, end);
      from = at + 4;
    }
  }
  end += bytes.write(text.slice(from), end);
  return bytes.toString('utf8', 0, end);
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

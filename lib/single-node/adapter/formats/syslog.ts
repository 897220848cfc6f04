import type { LineParser, ParsedLine, Severity } from '../log-line.ts';
import { bsdTime, rfc3339Time } from './times.ts';

/** By the number of syslog: emergency, alert, critical, error, warning, notice, informational, debug. */
const LEVELS: readonly Severity[] = ['fatal', 'fatal', 'fatal', 'error', 'warn', 'info', 'info', 'debug'];
const MAX_PRIORITY = 191;
/** `<191>`, and in RFC 5424 a version behind it. */
const PRIORITY = /^<(\d{1,3})>(?:([1-9]\d{0,2}) )?/;
/** Elements and parameters of structured data: nobody writes as many. */
const MAX_PARTS = 2_000;

type Params = Record<string, string>;

/** A word up to the next space. */
const wordAt = (line: string, at: number): { readonly word: string; readonly end: number } => {
  const space = line.indexOf(' ', at);
  const end = space < 0 ? line.length : space;
  return { word: line.slice(at, end), end: end + 1 };
};

/** `name="value"`, where quote, backslash and bracket are behind a backslash. */
const paramAt = (line: string, at: number): { name: string; value: string; end: number } | undefined => {
  const equals = line.indexOf('="', at);
  if (equals < 0) return undefined;
  const name = line.slice(at, equals);
  if (name === '' || /[ "\]]/.test(name)) return undefined;
  const parts: string[] = [];
  let from = equals + 2;
  for (let end = from; end < line.length; end += 1) {
    if (line[end] === '"') return { name, value: parts.join('') + line.slice(from, end), end: end + 1 };
    if (line[end] !== '\\' || !/["\\\]]/.test(line[end + 1] ?? '')) continue;
    parts.push(line.slice(from, end));
    from = end + 1;
    end += 1;
  }
  return undefined;
};

/** `[id name="value" …][…]`, or a dash. */
const structuredAt = (line: string, at: number): { data: Record<string, Params>; end: number } | undefined => {
  const data: Record<string, Params> = {};
  if (line[at] === '-') return { data, end: at + 1 };
  let parts = 0;
  let end = at;
  while (line[end] === '[' && parts < MAX_PARTS) {
    const idEnd = line.slice(end + 1, end + 34).search(/[ \]]/);
    parts += 1;
    if (idEnd < 1) return undefined;
    const id = line.slice(end + 1, end + 1 + idEnd);
    const element: Params = {};
    end += 1 + idEnd;
    while (line[end] === ' ') {
      const param = paramAt(line, end + 1);
      parts += 1;
      if (param === undefined || parts > MAX_PARTS) return undefined;
      Object.defineProperty(element, param.name, { value: param.value, enumerable: true, configurable: true });
      end = param.end;
    }
    if (line[end] !== ']') return undefined;
    Object.defineProperty(data, id, { value: element, enumerable: true, configurable: true });
    end += 1;
  }
  return end === at || line[end] === '[' ? undefined : { data, end };
};

interface Head {
  readonly severity: Severity;
  readonly fields: { readonly facility: number; readonly level: number };
}

const given = (name: string, word: string) => (word === '-' || word === '' ? {} : { [name]: word });

const parse5424 = (line: string, from: number, { severity, fields }: Head): ParsedLine | undefined => {
  const words: string[] = [];
  let at = from;
  for (let count = 0; count < 5; count += 1) {
    const { word, end } = wordAt(line, at);
    if (word === '') return undefined;
    words.push(word);
    at = end;
  }
  const [time = '', host = '', app = '', process = '', messageId = ''] = words;
  const timeMs = rfc3339Time(time);
  const structured = structuredAt(line, at);
  if ((timeMs === undefined && time !== '-') || structured === undefined) return undefined;
  const { data, end } = structured;
  if (end < line.length && line[end] !== ' ') return undefined;
  // A mark of UTF-8 says only that it is UTF-8.
  const message = line.slice(end + 1).replace(/^\ufeff/, '');
  return {
    message,
    severity,
    ...(timeMs === undefined ? {} : { timeMs }),
    fields: {
      ...fields,
      ...given('host', host),
      ...given('app', app),
      ...given('process', process),
      ...given('messageId', messageId),
      ...(Object.keys(data).length === 0 ? {} : { data }),
    },
  };
};

const BSD_TIME_LENGTH = 'Nov  5 22:46:54'.length;
/** `name[123]:`, `name:` */
const TAG = /^([^ :[\]]{1,64})(?:\[([^ \]]{1,32})\])?:/;

const parse3164 = (line: string, from: number, receivedAtMs: number, head: Head): ParsedLine | undefined => {
  const timeMs = bsdTime(line.slice(from, from + BSD_TIME_LENGTH), receivedAtMs);
  if (timeMs === undefined || line[from + BSD_TIME_LENGTH] !== ' ') return undefined;
  const { word: host, end } = wordAt(line, from + BSD_TIME_LENGTH + 1);
  if (host === '') return undefined;
  const [tag = '', app = '', process = ''] = TAG.exec(line.slice(end, end + 100)) ?? [];
  return {
    message: line.slice(end + tag.length).trimStart(),
    severity: head.severity,
    timeMs,
    fields: { ...head.fields, host, ...given('app', app), ...given('process', process) },
  };
};

/**
 * Syslog: RFC 5424, and what RFC 3164 found in use. The latter has neither year nor zone: see {@link bsdTime}.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5424#section-6
 */
export const parseSyslog: LineParser = (line, receivedAtMs) => {
  const found = PRIORITY.exec(line.slice(0, 10));
  if (found === null) return undefined;
  const [begin, digits = '', version] = found;
  const priority = Number(digits);
  if (priority > MAX_PRIORITY) return undefined;
  const level = priority % 8;
  const head: Head = { severity: LEVELS[level] ?? 'info', fields: { facility: (priority - level) / 8, level } };
  return version === undefined
    ? parse3164(line, begin.length, receivedAtMs, head)
    : parse5424(line, begin.length, head);
};

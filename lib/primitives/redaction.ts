// Names whose values are secret wherever they stand in the name (`x-api-key`, `sessionToken`), and those that are only
// as a whole (`code`, but not `statusCode`). Names are compared in lower case, without `-`, `_` and `.`.
const SECRET_PARTS =
  /authorization|token|secret|password|passwd|cookie|credential|apikey|privatekey|accesskey|idempotencykey|signature/;
const SECRET_NAMES = new Set(['code', 'otp', 'pin', 'auth', 'session', 'jwt']);
// A fencing token orders, it does not authorise, and it is what one looks for in a log.
const OPEN_NAMES = new Set(['fencingtoken']);

const REDACTED = '[redacted]';

const TEXT_LIMIT = 2_048;
const STACK_LIMIT = 4_096;
const ENTRY_LIMIT = 50;
const DEPTH_LIMIT = 6;

const isSecret = (name: string): boolean => {
  const plain = name.toLowerCase().replaceAll(/[-_.]/g, '');
  return !OPEN_NAMES.has(plain) && (SECRET_NAMES.has(plain) || SECRET_PARTS.test(plain));
};

const shorten = (text: string, limit: number): string =>
  text.length > limit ? `${text.slice(0, limit).toWellFormed()}… (${text.length} characters)` : text.toWellFormed();

// Before it is shortened: a cut must not leave half a token.
const clean = (text: string, limit = TEXT_LIMIT): string =>
  shorten(text.replaceAll(/\b(bearer)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`), limit);

const errorParts = (error: Error, depth: number): Record<string, unknown> => ({
  name: clean(error.name),
  message: clean(error.message),
  // Of an error this is its kind, `area/kind` or `ECONNREFUSED`, not a code that somebody typed.
  ...('code' in error && typeof error.code === 'string' ? { code: clean(error.code) } : {}),
  ...(error.stack === undefined ? {} : { stack: clean(error.stack, STACK_LIMIT) }),
  ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  ...(error instanceof AggregateError ? { errors: redact(error.errors, depth + 1) } : {}),
});

const entriesOf = (value: object): readonly (readonly [string, unknown])[] => {
  if (value instanceof Map) return [...value].map(([key, inner]) => [String(key), inner]);
  return Object.entries(value);
};

const redactEntries = (value: object, depth: number): Record<string, unknown> => {
  const entries = entriesOf(value);
  const kept = entries
    .slice(0, ENTRY_LIMIT)
    .map(([name, inner]): [string, unknown] => [clean(name), isSecret(name) ? REDACTED : redact(inner, depth + 1)]);
  if (entries.length > ENTRY_LIMIT) kept.push(['…', `${entries.length - ENTRY_LIMIT} more`]);
  return Object.fromEntries(kept);
};

const redactList = (list: readonly unknown[], depth: number): unknown[] => {
  const kept = list.slice(0, ENTRY_LIMIT).map((inner) => redact(inner, depth + 1));
  return list.length > ENTRY_LIMIT ? [...kept, `… ${list.length - ENTRY_LIMIT} more`] : kept;
};

const redactObject = (value: object, depth: number): unknown => {
  if (depth > DEPTH_LIMIT) return '[deeper]';
  if (value instanceof Error) return errorParts(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Set) return redactList([...value], depth);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return Array.isArray(value) ? redactList(value, depth) : redactEntries(value, depth);
};

/**
 * A copy of a value that may be written down: what a secret name holds and what follows `Bearer` is replaced, errors
 * become objects, and everything is bounded (texts 2 048 characters, 50 entries, 6 levels), so that cycles end too.
 * The result is always JSON.
 */
export const redact = (value: unknown, depth = 0): unknown => {
  switch (typeof value) {
    case 'string':
      return clean(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : redactObject(value, depth);
    case 'bigint':
      return value.toString();
    default:
      return `[${typeof value}]`;
  }
};

// Names whose values are secret wherever they stand in the name (`x-api-key`, `sessionToken`), and those that are only
// as a whole (`code`, but not `statusCode`). Names are compared in lower case, by their letters and digits alone.
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
/** Without it, what refers to itself in many ways is written in all of them: 50 entries in 6 levels are 50⁶. */
const VALUE_LIMIT = 1_000;

const isSecret = (name: string): boolean => {
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return !OPEN_NAMES.has(plain) && (SECRET_NAMES.has(plain) || SECRET_PARTS.test(plain));
};

const shorten = (text: string, limit: number): string =>
  text.length > limit ? `${text.slice(0, limit).toWellFormed()}… (${text.length} characters)` : text.toWellFormed();

// Before it is shortened: a cut must not leave half a token.
const clean = (text: string, limit = TEXT_LIMIT): string =>
  shorten(text.replaceAll(/\b(bearer)\s+[\w.~+/=-]+/gi, `$1 ${REDACTED}`), limit);

/** Where in a value the walk is, and what is left of what it may show. */
interface Walk {
  readonly depth: number;
  /** Of a cause: how many errors stand above it. */
  readonly causeDepth: number;
  readonly left: { valueCount: number };
}

const deeper = (walk: Walk): Walk => ({ ...walk, depth: walk.depth + 1 });

// Each cause has half the room of what it caused: a chain of any length has less than twice the room of one error.
const errorParts = (error: Error, walk: Walk): Record<string, unknown> => {
  const share = 2 ** -walk.causeDepth;
  const below = { ...deeper(walk), causeDepth: walk.causeDepth + 1 };
  return {
    name: clean(error.name, TEXT_LIMIT * share),
    message: clean(error.message, TEXT_LIMIT * share),
    // Of an error this is its kind, `area/kind` or `ECONNREFUSED`, not a code that somebody typed.
    ...('code' in error && typeof error.code === 'string' ? { code: clean(error.code, TEXT_LIMIT * share) } : {}),
    ...(error.stack === undefined ? {} : { stack: clean(error.stack, STACK_LIMIT * share) }),
    ...(error.cause === undefined ? {} : { cause: redacted(error.cause, below) }),
    ...(error instanceof AggregateError ? { errors: redacted(error.errors, below) } : {}),
  };
};

const entriesOf = (value: object): readonly (readonly [string, unknown])[] => {
  if (value instanceof Map) return [...value].map(([key, inner]) => [String(key), inner]);
  return Object.entries(value);
};

const redactEntries = (value: object, walk: Walk): Record<string, unknown> => {
  const entries = entriesOf(value);
  const kept = entries
    .slice(0, ENTRY_LIMIT)
    .map(([name, inner]): [string, unknown] => [
      clean(name),
      isSecret(name) ? REDACTED : redacted(inner, deeper(walk)),
    ]);
  if (entries.length > ENTRY_LIMIT) kept.push(['…', `${entries.length - ENTRY_LIMIT} more`]);
  return Object.fromEntries(kept);
};

const redactList = (list: readonly unknown[], walk: Walk): unknown[] => {
  const kept = list.slice(0, ENTRY_LIMIT).map((inner) => redacted(inner, deeper(walk)));
  return list.length > ENTRY_LIMIT ? [...kept, `… ${list.length - ENTRY_LIMIT} more`] : kept;
};

const redactObject = (value: object, walk: Walk): unknown => {
  if (walk.depth > DEPTH_LIMIT) return '[deeper]';
  if (value instanceof Error) return errorParts(value, walk);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (value instanceof Set) return redactList([...value], walk);
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  return Array.isArray(value) ? redactList(value, walk) : redactEntries(value, walk);
};

const redacted = (value: unknown, walk: Walk): unknown => {
  if (walk.left.valueCount <= 0) return '[more]';
  walk.left.valueCount -= 1;
  switch (typeof value) {
    case 'string':
      return clean(value);
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
    case 'undefined':
      return value;
    case 'object':
      return value === null ? null : redactObject(value, walk);
    case 'bigint':
      return value.toString();
    default:
      return `[${typeof value}]`;
  }
};

/**
 * A copy of a value that may be written down: what a secret name holds and what follows `Bearer` is replaced, errors
 * become objects, and everything is bounded: texts to 2 048 characters, of a stack 4 096, of a cause half of what its
 * error has; 50 entries, 6 levels, and 1 000 values in all. So cycles end too. The result is always JSON.
 */
export const redact = (value: unknown): unknown =>
  redacted(value, { depth: 0, causeDepth: 0, left: { valueCount: VALUE_LIMIT } });

import type { Random } from './random.ts';

/** The name of the HTTP header and of the message attribute that carry a trace from one process to the next. */
export const TRACEPARENT = 'traceparent';

/** One step of a trace: who follows whom, over HTTP, queues and buses. */
export interface Trace {
  /** 32 lower-case hexadecimal digits, not all zero. The same for everything that one request has caused. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits, not all zero. This step's own. */
  readonly spanId: string;
  /** Whether the caller records this trace. */
  readonly sampled: boolean;
}

// version-traceid-spanid-flags; what follows is allowed to versions after 00 only.
const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const LENGTH_LIMIT = 512;

const isZero = (hex: string): boolean => /^0+$/.test(hex);

/**
 * Reads a `traceparent`. Undefined for whatever the specification calls invalid: the reader then begins a new trace.
 *
 * @see https://www.w3.org/TR/trace-context/#traceparent-header
 */
export const parseTraceparent = (text: string | undefined): Trace | undefined => {
  if (text === undefined || text.length > LENGTH_LIMIT) return undefined;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = FORM.exec(text) ?? [];
  const known = version !== '' && version !== 'ff' && (version !== '00' || rest === undefined);
  if (!known || isZero(traceId) || isZero(spanId)) return undefined;
  return Object.freeze({ traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 });
};

/** Writes a trace as version 00, the one that every reader knows. */
export const formatTraceparent = ({ traceId, spanId, sampled }: Trace): string =>
  `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;

// The second half of a version 4 UUID begins with its variant bits, so that it is never all zero.
const newSpanId = (random: Random): string => random.uuid().replaceAll('-', '').slice(16);

/** Begins a trace. */
export const newTrace = (random: Random): Trace =>
  Object.freeze({ traceId: random.uuid().replaceAll('-', ''), spanId: newSpanId(random), sampled: true });

/** The next step of a trace: the same trace id, a span id of its own. */
export const childTrace = (parent: Trace, random: Random): Trace =>
  Object.freeze({ ...parent, spanId: newSpanId(random) });

/** What a receiver does with the `traceparent` that came with a request or a message: follow it, or begin a trace. */
export const continueTrace = (traceparent: string | undefined, random: Random): Trace => {
  const parent = parseTraceparent(traceparent);
  return parent === undefined ? newTrace(random) : childTrace(parent, random);
};

import * as fc from 'fast-check';
import { seededRandom } from '#primitives/memory/random';
import { childTrace, continueTrace, formatTraceparent, newTrace, parseTraceparent } from '#primitives/trace';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const SPAN_ID = 'b7ad6b7169203331';

test.each([
  [`00-${TRACE_ID}-${SPAN_ID}-01`, true],
  [`00-${TRACE_ID}-${SPAN_ID}-00`, false],
  [`00-${TRACE_ID}-${SPAN_ID}-03`, true],
  [`cc-${TRACE_ID}-${SPAN_ID}-01-what-the-future-brings`, true],
])('%s is read', (text, sampled) => {
  expect(parseTraceparent(text)).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, sampled });
});

test.each([
  undefined,
  '',
  `00-${TRACE_ID}-${SPAN_ID}`,
  `00-${TRACE_ID}-${SPAN_ID}-01-more`,
  `ff-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`,
  `00-${'0'.repeat(32)}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${'0'.repeat(16)}-01`,
  `00-${TRACE_ID}-${SPAN_ID}-1`,
  ` 00-${TRACE_ID}-${SPAN_ID}-01`,
  `00-${TRACE_ID}-${SPAN_ID}-01\n`,
  `cc-${TRACE_ID}-${SPAN_ID}-01.x`,
  `cc-${TRACE_ID}-${SPAN_ID}-01-${'x'.repeat(500)}`,
])('%j is invalid', (text) => {
  expect(parseTraceparent(text)).toBeUndefined();
});

test('a trace that was made is one that is read, and so are its steps', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const random = seededRandom(seed);
      const trace = newTrace(random);
      const child = childTrace(trace, random);
      expect(parseTraceparent(formatTraceparent(trace))).toEqual(trace);
      expect(parseTraceparent(formatTraceparent(child))).toEqual({ ...trace, spanId: child.spanId });
      expect(child.spanId).not.toBe(trace.spanId);
    }),
  );
});

test('what is valid is continued; what is not begins a trace', () => {
  const random = seededRandom(1);
  expect(continueTrace(`00-${TRACE_ID}-${SPAN_ID}-00`, random)).toMatchObject({ traceId: TRACE_ID, sampled: false });
  expect(continueTrace('nonsense', random).traceId).not.toBe(TRACE_ID);
});

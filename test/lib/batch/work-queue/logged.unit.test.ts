import { failureFields, traceField } from '#batch/work-queue/logged';
import { batchWorker } from '#batch/work-queue/batch-worker';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log, LogFields } from '#primitives/log';
import { seededRandom } from '#primitives/memory/random';
import { quiet, world } from './world.ts';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;
const message = { id: 'm', receipt: 'r', body: '', attributes: { traceparent }, receiveCount: 1, sentAtMs: 0 };

test('the trace of a message is a field of the lines about it; what is no trace is left out', () => {
  expect(traceField(message)).toEqual({ traceId: TRACE_ID });
  expect(traceField({ attributes: { traceparent: 'rubbish' } })).toEqual({});
});

test('an error about the content of a message is logged without a stack, another one with it', () => {
  const invalid = new InvalidArgumentError('Expected another.');
  expect(failureFields(message, invalid)).toEqual({ message: 'm', traceId: TRACE_ID, error: 'Expected another.' });
  const other = new Error('lost');
  expect(failureFields(message, other)).toMatchObject({ error: other });
});

test('a worker logs a failed item with the trace of its message', async () => {
  const w = world();
  const lines: [string, LogFields][] = [];
  const logOf = (own: LogFields): Log => ({
    ...quiet,
    info: (text, fields = {}) => void lines.push([text, { ...own, ...fields }]),
    warn: (text, fields = {}) => void lines.push([text, { ...own, ...fields }]),
    child: (fields) => logOf({ ...own, ...fields }),
  });
  const work = batchWorker({
    jobs: w.jobs,
    effects: w.effects,
    undeliverable: w.lost,
    workers: [],
    clock: w.clock,
    random: seededRandom(1),
    log: logOf({}),
    maxReceiveCount: 5,
    leaseMs: 30_000,
    keepMs: 30 * 24 * 3_600_000,
  });
  await w.clock.until(work([{ ...message, body: JSON.stringify({ id: 'a', worker: 'nobody' }) }], 1_000));
  expect(lines).toEqual([['item failed', expect.objectContaining({ item: 'direct/a', traceId: TRACE_ID })]]);
});

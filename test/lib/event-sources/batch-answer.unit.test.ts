import * as fc from 'fast-check';
import { judgeBatch } from '#event-sources/batch-answer';

const batch = ['m1', 'm2', 'm3'];
const report = (payload: string): ReturnType<typeof judgeBatch> =>
  judgeBatch(batch, { status: 'answered', payload }, { reportBatchItemFailures: true });
const failures = (...entries: readonly unknown[]): string => JSON.stringify({ batchItemFailures: entries });

test.each([true, false])('a failed invocation keeps the whole batch (reporting: %s)', (reportBatchItemFailures) => {
  const answer = { status: 'failed', errorType: 'TypeError', message: 'secret' } as const;
  expect(judgeBatch(batch, answer, { reportBatchItemFailures })).toEqual({
    done: [],
    kept: batch,
    problem: 'TypeError',
  });
});

test.each(['null', '', '{}', 'not json', failures({ itemIdentifier: 'm1' }), '"text"'])(
  'without ReportBatchItemFailures the answer %j deletes all',
  (payload) => {
    const verdict = judgeBatch(batch, { status: 'answered', payload }, { reportBatchItemFailures: false });
    expect(verdict).toEqual({ done: batch, kept: [] });
  },
);

test.each(['null', '', '{}', '{"batchItemFailures":[]}', '{"batchItemFailures":null}', '{"batchItemFailure":[1]}'])(
  'ReportBatchItemFailures: %j is complete success',
  (payload) => {
    expect(report(payload)).toEqual({ done: batch, kept: [] });
  },
);

test.each([
  ['not an object', '"ok"'],
  ['not an object', '5'],
  ['not an object', 'true'],
  ['not an object', '[]'],
  ['unparsable JSON', '{"batchItemFailures":['],
  ['failures that are no list', '{"batchItemFailures":{}}'],
  ['failures that are text', '{"batchItemFailures":"m1"}'],
  ['empty itemIdentifier', failures({ itemIdentifier: '' })],
  ['null itemIdentifier', failures({ itemIdentifier: null })],
  ['itemIdentifier that is no text', failures({ itemIdentifier: 1 })],
  ['wrong key', failures({ messageId: 'm1' })],
  ['wrong key beside a right one', failures({ itemIdentifier: 'm1' }, { itemIdentifer: 'm2' })],
  ['an entry that is null', failures(null)],
  ['an entry that is a bare id', failures('m1')],
  ['id that is not in the batch', failures({ itemIdentifier: 'm1' }, { itemIdentifier: 'm9' })],
  ['an inherited itemIdentifier', '{"batchItemFailures":[{"__proto__":{"itemIdentifier":"m1"}}]}'],
])('ReportBatchItemFailures: %s is complete failure (%s)', (_, payload) => {
  const verdict = report(payload);
  expect(verdict).toMatchObject({ done: [], kept: batch });
  expect(verdict.problem).toMatch(/\w/u);
});

test('ReportBatchItemFailures: deletes exactly the others, whatever is reported, also twice', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 }),
      fc.infiniteStream(fc.boolean()),
      (ids, coins) => {
        const failed = ids.filter(() => coins.next().value);
        const payload = failures(...[...failed, ...failed].map((itemIdentifier) => ({ itemIdentifier })));
        const verdict = judgeBatch(ids, { status: 'answered', payload }, { reportBatchItemFailures: true });
        expect(verdict).toEqual({ done: ids.filter((id) => !failed.includes(id)), kept: failed });
      },
    ),
  );
});

test('any answer at all is judged, and every message is either done or kept', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), fc.boolean(), (payload, reportBatchItemFailures) => {
      const { done, kept } = judgeBatch(batch, { status: 'answered', payload }, { reportBatchItemFailures });
      expect([...done, ...kept].toSorted()).toEqual(batch);
    }),
  );
});

import { tally } from '#batch/work-queue/progress';
import type { Fields } from '#primitives/table';

const NOW_MS = 1_000;
const add = (records: Readonly<Record<string, Fields>>) => {
  const sum = tally();
  for (const [sort, fields] of Object.entries(records)) sum.add({ key: { partition: 'job/1', sort }, fields });
  return sum.progress(NOW_MS);
};
const job = { kind: 'list', worker: 'w', closed: false, total: 10 };
const live = (n: number, leaseUntilMs: number) => ({ state: 'live', ok: 0, bad: 0, n, leaseUntilMs });
const finished = (ok: number, bad = 0) => ({ state: 'finished', ok, bad });

test('claims count as in flight until their lease ends, and never more than there is left', () => {
  expect(add({ 'claim/a': finished(4, 1), 'claim/b': live(3, NOW_MS + 1), 'claim/c': live(2, NOW_MS), job })).toEqual({
    status: 'running',
    total: 10,
    pending: 2,
    inFlight: 3,
    done: 4,
    failed: 1,
  });
  expect(add({ 'claim/a': finished(8), 'claim/b': live(10, NOW_MS + 1), job })).toMatchObject({
    pending: 0,
    inFlight: 2,
  });
});

test('without the record of the job there is no progress', () => {
  expect(add({ 'claim/a': finished(1) })).toBeUndefined();
});

test('a source is planned when its last page is, and all pages have been sent', () => {
  const source = { kind: 'source', worker: 'w', closed: false };
  const page = (planned: boolean, next: string | null) => ({ count: 2, planned, next });
  expect(add({ job: source })).toMatchObject({ status: 'planning', total: null });
  expect(add({ job: source, 'part/0': page(true, 'k') })).toMatchObject({ status: 'planning', pending: 2 });
  expect(add({ job: source, 'part/0': page(true, 'k'), 'part/1': page(false, null) })).toMatchObject({
    status: 'planning',
  });
  expect(add({ job: source, 'part/0': page(true, 'k'), 'part/1': page(true, null) })).toMatchObject({
    status: 'running',
    total: 4,
  });
});

import { memoryQueue } from '#primitives/memory/queue';
import { sendAll } from '#batch/work-queue/send';
import { PermanentFailure } from '#batch/work-queue/types';
import { someItems, world } from './world.ts';

const JOB = 'job-1';
const MAX_BYTES = 1_048_576;

/** JSON of exactly so many bytes. */
const ofBytes = (bytes: number, make: (filling: string) => object): string => {
  const empty = JSON.stringify(make(''));
  return JSON.stringify(make('x'.repeat(bytes - empty.length)));
};

describe('messages as long as SQS takes them', () => {
  test('become dead letters that tell how they began, and their items are counted as failed', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: [{ id: 'a', payload: null }] });
    const [message] = await w.plans.receive({ maxCount: 1 });
    await w.plans.deleteBatch([message?.receipt ?? '']);
    const body = ofBytes(MAX_BYTES, (text) => ({ jobId: JOB, id: 'a', worker: 'record', payload: { text } }));
    await w.items.sendBatch([{ body }]);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', total: 1, failed: 1 });
    const [letter] = await w.deadLetters();
    expect(JSON.parse(letter?.body ?? '')).toEqual({
      truncated: true,
      bytes: MAX_BYTES,
      begin: body.slice(0, 1_000),
      jobId: JOB,
      id: 'a',
      worker: 'record',
    });
    expect(letter?.attributes).toMatchObject({ jobId: JOB, reason: expect.stringContaining('can be recorded') });
  });

  test('that cannot be read become dead letters too, of items and of jobs', async () => {
    const w = world();
    const body = 'x'.repeat(MAX_BYTES);
    await w.items.sendBatch([{ body }]);
    await w.plans.sendBatch([{ body }]);
    await w.drain();
    const letters = [...(await w.deadLetters()), ...(await w.deadLetters(w.plansDead))];
    expect(letters.map(({ attributes }) => attributes.reason)).toEqual([
      'invalid message: not JSON',
      'invalid message: not JSON',
    ]);
    expect(letters.map((letter) => JSON.parse(letter.body) as unknown)).toEqual(
      letters.map(() => ({ truncated: true, bytes: MAX_BYTES, begin: body.slice(0, 1_000) })),
    );
  });

  test('with a list are planned over several invocations', async () => {
    const w = world({ planMs: 0 });
    const items = someItems(450).map(({ id }) => ({ id }));
    const body = ofBytes(MAX_BYTES, (text) => ({
      worker: 'record',
      items: [...items, { id: 'z', payload: { text } }],
    }));
    // The long one ends as a dead letter: no output is as long.
    await w.plans.sendBatch([{ body }]);
    const [message] = await w.plans.receive({ maxCount: 1, visibilityMs: 0 });
    await w.drain();
    expect(await w.api.progress(message?.id ?? '')).toMatchObject({ total: 451, done: 450, failed: 1 });
  });
});

test('a job whose items no queue takes has failed, with the reason, after one attempt', async () => {
  const w = world();
  // In the item's own message the worker's name and the job's id come on top.
  const body = ofBytes(MAX_BYTES, (text) => ({ worker: 'r', items: [{ id: 'a', payload: text }] }));
  await w.plans.sendBatch([{ body }]);
  const [message] = await w.plans.receive({ maxCount: 1, visibilityMs: 0 });
  await w.drain();
  const reason = expect.stringContaining('items does not take a message: longer than');
  expect(await w.api.progress(message?.id ?? '')).toMatchObject({ status: 'failed', reason });
  expect((await w.deadLetters(w.plansDead)).map(({ attributes }) => attributes.reason)).toEqual([reason]);
});

test('a message at fault is not sent again, and its error says that no attempt will help', async () => {
  const w = world();
  const queue = memoryQueue({ name: 'q', clock: w.clock, wire: w.wire, visibilityMs: 1_000 });
  const pauses: number[] = [];
  const pause = (tries: number): Promise<void> => Promise.resolve(void pauses.push(tries));
  const sent = sendAll(queue, [{ body: 'a' }, { body: '' }], pause);
  await expect(sent).rejects.toThrow(PermanentFailure);
  await expect(sent).rejects.toMatchObject({ retryable: false });
  expect(pauses).toEqual([]);
});

describe('what is sent under the id of a job', () => {
  test('by hand counts, and no number is ever negative', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: someItems(2) });
    await w.items.sendBatch(
      ['x', 'y', 'z'].map((id) => ({ body: JSON.stringify({ jobId: JOB, id, worker: 'record' }) })),
    );
    await w.workOnly();
    expect(await w.api.progress(JOB)).toMatchObject({ total: 3, pending: 0, inFlight: 0, done: 3 });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 5, pending: 0, inFlight: 0, done: 5 });
  });

  test('as a list of other items is refused; as the same list it is the same job', async () => {
    const w = world();
    const list = (count: number) => ({
      body: JSON.stringify({ jobId: JOB, worker: 'record', items: someItems(count) }),
    });
    await w.plans.sendBatch([list(2), list(2), list(3)]);
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 2, done: 2, failed: 0 });
    expect((await w.deadLetters(w.plansDead)).map(({ attributes }) => attributes.reason)).toEqual([
      `job ${JOB} was made with other items`,
    ]);
  });
});

test('characters that SQS refuses and JSON does not are no obstacle to a job', async () => {
  const w = world();
  const items = [{ id: 'a\uFFFE', payload: '\uFFFF' }, ...someItems(1)];
  await w.api.createJob(JOB, { worker: 'record', items });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 2, done: 2 });
  const { results } = (await w.api.results(JOB)) ?? {};
  expect(results?.map(({ id }) => id)).toContain('a\uFFFE');
});

import * as v from 'valibot';
import { recordWorker } from '#batch/work-queue/record-worker';
import { byText, MAX_RECEIVE_COUNT, someItems, world } from './world.ts';

const JOB = 'job-1';

describe('a job from a list', () => {
  test('ends with one effect for each item, and its results tell the outputs', async () => {
    const w = world();
    const accepted = await w.api.createJob(JOB, { worker: 'record', items: someItems(25, (n) => ({ n })) });
    expect(accepted).toEqual({ total: 25 });
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'running', total: 25, pending: 25, done: 0 });
    await w.drain();
    expect(await w.api.progress(JOB)).toEqual({
      status: 'done',
      total: 25,
      pending: 0,
      inFlight: 0,
      done: 25,
      failed: 0,
    });
    const results = await w.allResults(JOB);
    expect(results.map(({ id }) => id).toSorted()).toEqual(
      someItems(25)
        .map(({ id }) => id)
        .toSorted(),
    );
    expect(results.find(({ id }) => id === 'item-7')).toEqual({
      id: 'item-7',
      status: 'done',
      output: { n: 7 },
      attempts: 1,
    });
  });

  test('counts an id once, however often it is in the list', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: [...someItems(3), ...someItems(5)] });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 5, done: 5 });
  });

  test('without items is done at once', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: [] });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 0 });
  });

  test('created twice under one id is one job', async () => {
    const w = world();
    for (let times = 0; times < 2; times += 1) await w.api.createJob(JOB, { worker: 'record', items: someItems(12) });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 12, done: 12 });
    expect(await w.allResults(JOB)).toHaveLength(12);
  });

  test('is planned in several invocations when time is short', async () => {
    const w = world({ planMs: 0 });
    await w.api.createJob(JOB, { worker: 'record', items: someItems(450) });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 450, done: 450 });
    expect(w.wire.counts()['sqs.SendMessageBatch']).toBe(45 + 5);
  });
});

describe('items that fail', () => {
  test('once are tried again and done, with the number of attempts', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: someItems(10, (n) => (n === 3 ? { fail: 'once' } : { n })) });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 10, failed: 0 });
    const results = await w.allResults(JOB);
    expect(results.find(({ id }) => id === 'item-3')?.attempts).toBe(2);
    expect(results.filter(({ attempts }) => attempts === 1)).toHaveLength(9);
  });

  test('always end as dead letters with reason and attempts, and are counted as failed', async () => {
    const w = world();
    await w.api.createJob(JOB, {
      worker: 'record',
      items: someItems(4, (n) => (n === 1 ? { fail: 'always' } : { n })),
    });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', total: 4, done: 3, failed: 1 });
    const reason = "the payload said to fail 'always'";
    expect((await w.allResults(JOB)).find(({ id }) => id === 'item-1')).toEqual({
      id: 'item-1',
      status: 'failed',
      reason,
      attempts: MAX_RECEIVE_COUNT,
    });
    const letters = await w.deadLetters();
    expect(letters.map(({ attributes }) => attributes)).toEqual([
      expect.objectContaining({ reason, attempts: String(MAX_RECEIVE_COUNT), jobId: JOB }),
    ]);
    expect(JSON.parse(letters[0]?.body ?? '')).toMatchObject({ jobId: JOB, id: 'item-1', worker: 'record' });
    expect((await w.api.deadLetters())?.deadLetters).toEqual([
      expect.objectContaining({ jobId: JOB, id: 'item-1', worker: 'record', reason, attempts: MAX_RECEIVE_COUNT }),
    ]);
  });

  test('of an unknown worker are buried after one attempt', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'nobody', items: someItems(1) });
    await w.drain();
    expect(await w.allResults(JOB)).toEqual([
      { id: 'item-0', status: 'failed', reason: "unknown worker 'nobody'", attempts: 1 },
    ]);
  });

  test('that SQS itself has moved get the reason that the worker gave no answer', async () => {
    const w = world({
      workers: [{ name: 'record', payload: v.unknown(), run: () => new Promise(() => {}) }],
    });
    await w.api.createJob(JOB, { worker: 'record', items: someItems(1) });
    const [message] = await w.plans.receive({ maxCount: 1 });
    await w.plans.deleteBatch([message?.receipt ?? '']);
    await w.lost.sendBatch([{ body: JSON.stringify({ jobId: JOB, id: 'item-0', worker: 'record' }) }]);
    await w.drain();
    expect((await w.api.deadLetters())?.deadLetters[0]?.reason).toBe(
      `received ${MAX_RECEIVE_COUNT} times without an answer: the worker crashed or timed out`,
    );
  });
});

describe('messages that cannot be read', () => {
  test.each([
    ['no JSON', 'hello', 'invalid message: not JSON'],
    ['no id', '{"worker":"record"}', 'invalid message: id: This field is missing'],
    [
      'a job called direct',
      '{"jobId":"direct","id":"1","worker":"record"}',
      "invalid message: jobId: Expected another name than 'direct', which stands for no job",
    ],
    [
      'a field that there is not',
      '{"id":"1","worker":"record","urgency":1}',
      'invalid message: urgency: This field is not known',
    ],
    [
      'deep nesting',
      `{"id":"1","worker":"record","payload":${'['.repeat(40)}${']'.repeat(40)}}`,
      'invalid message: nested deeper than 32',
    ],
  ])('(%s) become dead letters after one attempt', async (_, body, reason) => {
    const w = world();
    await w.items.sendBatch([{ body }]);
    await w.drain();
    const letters = await w.deadLetters();
    expect(letters.map(({ body: text, attributes }) => [text, attributes.reason, attributes.attempts])).toEqual([
      [body, reason, '1'],
    ]);
    expect((await w.api.deadLetters())?.deadLetters).toEqual([expect.objectContaining({ reason, attempts: 1 })]);
    expect(w.effects.dump()).toEqual([]);
  });

  test('in the queue of jobs go to its dead letters with a reason', async () => {
    const w = world();
    await w.plans.sendBatch([{ body: '{"worker":"record"}' }, { body: JSON.stringify({ jobId: 'none', items: [] }) }]);
    await w.drain();
    const letters = await w.plansDead.receive({ maxCount: 10 });
    expect(letters.map(({ attributes }) => attributes.reason).toSorted(byText)).toEqual([
      expect.stringContaining('invalid message'),
      'job none takes no items: it is closed, or was never open',
    ]);
  });
});

describe('queue messages', () => {
  test('start a job as HTTP does, whose id is that of the message', async () => {
    const w = world();
    await w.plans.sendBatch([{ body: JSON.stringify({ worker: 'record', items: someItems(3) }) }]);
    await w.drain();
    const job = w.jobs.dump().find(({ key }) => key.sort === 'job');
    expect(await w.api.progress(job?.key.partition.slice('job/'.length) ?? '')).toMatchObject({
      status: 'done',
      done: 3,
    });
  });

  test('without a job leave one effect under direct/<id>', async () => {
    const w = world();
    const body = JSON.stringify({ id: 'a', worker: 'record', payload: { n: 1 } });
    await w.items.sendBatch([{ body }, { body }, { body }]);
    await w.drain();
    expect(w.effects.dump().map(({ key, fields }) => [key, fields.output])).toEqual([
      [{ partition: 'direct/a', sort: 'effect' }, { n: 1 }],
    ]);
    expect(w.jobs.dump()).toEqual([]);
  });
});

describe('an open job', () => {
  test('takes parts until it is closed, and counts an item once over all of them', async () => {
    const w = world({ planMs: 0 });
    await w.api.createJob(JOB, { worker: 'record', open: true });
    expect(await w.api.addItems(JOB, 'p1', someItems(150))).toBe('accepted');
    expect(await w.api.addItems(JOB, 'p2', someItems(200))).toBe('accepted');
    expect(await w.api.addItems(JOB, 'p2', someItems(200))).toBe('accepted');
    expect(await w.api.closeJob(JOB)).toBe('closed');
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'planning', total: null });
    expect(await w.api.addItems(JOB, 'p3', someItems(1))).toBe('closed');
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 200, done: 200 });
    expect(await w.allResults(JOB)).toHaveLength(200);
  });

  test('is open, with what was planned so far as total, until it is closed', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', open: true });
    await w.api.addItems(JOB, 'p1', someItems(5));
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'open', total: 5, done: 5 });
    await w.api.closeJob(JOB);
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 5 });
    expect(await w.api.closeJob(JOB)).toBe('closed');
  });

  test('that is unknown, or not open, takes no items and is not closed', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: [] });
    expect(await w.api.addItems('other', 'p', someItems(1))).toBe('unknown');
    expect(await w.api.addItems(JOB, 'p', someItems(1))).toBe('closed');
    expect(await w.api.closeJob('other')).toBe('unknown');
    expect(await w.api.closeJob(JOB)).toBe('not-open');
    expect(await w.api.progress('other')).toBeUndefined();
  });
});

describe('a job from a bucket', () => {
  test('has an item for each object under the prefix, also over many pages and invocations', async () => {
    const w = world({ planMs: 0 });
    for (let n = 0; n < 777; n += 1) await w.media.put(`in/${n}`, new Uint8Array([1]));
    await w.media.put('in/folder/', new Uint8Array());
    await w.media.put('out/1', new Uint8Array([1]));
    expect(await w.api.createJob(JOB, { worker: 'record', source: { bucket: 'media', prefix: 'in/' } })).toEqual({
      total: null,
    });
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'planning', total: null });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 777, done: 777 });
    const results = await w.allResults(JOB);
    expect(new Set(results.map(({ id }) => id)).size).toBe(777);
    expect(results[0]?.output).toEqual({ bucket: 'media', key: results[0]?.id });
  });

  test('without objects is done with a total of 0', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', source: { bucket: 'media', prefix: '' } });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 0 });
  });
});

test('a cursor that no page has given is refused', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'record', items: [] });
  for (const cursor of ['x', 'am9i', '%%', 'a'.repeat(5_000)]) {
    expect(await w.api.results(JOB, cursor)).toBeUndefined();
    expect(await w.api.deadLetters(cursor)).toBeUndefined();
  }
});

test('the trace of a request goes with every item to its dead letter', async () => {
  const w = world();
  await w.api.createJob(JOB, { worker: 'nobody', items: someItems(1) }, '00-trace');
  await w.drain();
  expect((await w.deadLetters())[0]?.attributes.traceparent).toBe('00-trace');
});

describe('what comes again', () => {
  const body = (id: string) => JSON.stringify({ jobId: JOB, id, worker: 'record', payload: { n: 1 } });

  test('and was done meanwhile is no dead letter, even when SQS gave it up', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: [{ id: 'a', payload: { n: 1 } }] });
    await w.drain();
    await w.lost.sendBatch([{ body: body('a') }]);
    await w.drain();
    expect(await w.deadLetters()).toEqual([]);
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', done: 1, failed: 0 });
    expect(w.effects.dump().map(({ fields }) => fields.status)).toEqual(['done']);
  });

  test('after it was buried is neither done nor counted again', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'nobody', items: [{ id: 'a', payload: null }] });
    await w.drain();
    await w.items.sendBatch([{ body: body('a') }]);
    await w.lost.sendBatch([{ body: body('a') }]);
    await w.drain();
    expect(await w.deadLetters()).toHaveLength(1);
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: 0, failed: 1 });
  });

  test('beside new items leaves the effects of these as they should be', async () => {
    const w = world();
    await w.api.createJob(JOB, { worker: 'record', items: someItems(6) });
    await w.items.sendBatch(['item-1', 'item-4'].map((id) => ({ body: body(id) })));
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: 6, done: 6 });
    expect(await w.allResults(JOB)).toHaveLength(6);
  });

  test('twice in one batch is done once', async () => {
    let runs = 0;
    const post = async (): Promise<void> => void (runs += 1);
    const w = world({ worker: (clock) => recordWorker({ clock, misbehaves: false, post }) });
    await w.items.sendBatch([{ body: body('a') }, { body: body('a') }]);
    await w.drain();
    expect(runs).toBe(1);
  });
});

test('an item that takes too long comes again, and the others of its batch are recorded', async () => {
  const w = world();
  await w.api.createJob(JOB, {
    worker: 'record',
    items: [
      { id: 'slow', payload: { takesMs: 60_000 } },
      { id: 'quick', payload: { takesMs: 10 } },
    ],
  });
  await w.drain();
  const results = await w.allResults(JOB);
  expect(results.find(({ id }) => id === 'quick')).toMatchObject({ status: 'done', attempts: 1 });
  expect(results.find(({ id }) => id === 'slow')).toMatchObject({
    status: 'failed',
    reason: 'not done within the 8000 ms of an invocation',
    attempts: MAX_RECEIVE_COUNT,
  });
});

test('a worker that ignores its signal is not waited for either', async () => {
  const deaf = (): Promise<never> => new Promise(() => {});
  const w = world({ workers: [{ name: 'record', payload: v.unknown(), run: deaf }] });
  await w.api.createJob(JOB, { worker: 'record', items: someItems(1) });
  await w.drain();
  expect((await w.allResults(JOB))[0]?.reason).toBe('not done within the 8000 ms of an invocation');
});

test('an output that is too large to be recorded fails for good, and takes no other item along', async () => {
  const w = world();
  await w.items.sendBatch([
    { body: JSON.stringify({ id: 'large', worker: 'record', payload: 'x'.repeat(70_000) }) },
    { body: JSON.stringify({ id: 'small', worker: 'record' }) },
  ]);
  await w.drain();
  expect(w.effects.dump().map(({ key, fields }) => [key.partition, fields.status])).toEqual([
    ['direct/small', 'done'],
    ['direct/large', 'failed'],
  ]);
});

import { recordWorker } from '#batch/work-queue/record-worker';
import type { WorkItem } from '#batch/work-queue/types';
import { parseMessage } from '#batch/message';
import { itemMessage } from '#batch/work-queue/messages';
import { isObsolete } from '#batch/work-queue/urgency';
import type { Queue } from '#primitives/queue';
import { itemIdOf, someItems, world } from './world.ts';

const JOB = 'job-1';
const [PAST, FUTURE] = ['2001-01-01T00:00:00Z', '2999-01-01T00:00:00Z'];

/** A world that notes which items a worker has begun, in their order. */
const noting = () => {
  const begun: string[] = [];
  const post = async (item: WorkItem): Promise<void> => {
    begun.push(item.id);
  };
  return { begun, w: world({ worker: (clock) => recordWorker({ clock, misbehaves: true, post }) }) };
};

describe('a deadline', () => {
  test('that has passed: the item is not begun, counts as failed and obsolete, and is no dead letter', async () => {
    const { begun, w } = noting();
    const items = [
      { id: 'late', payload: null, deadlineAt: PAST },
      { id: 'in-time', payload: null, deadlineAt: FUTURE },
      { id: 'late-too', payload: null, deadlineAt: w.clock.nowMs() },
    ];
    await w.api.createJob(JOB, { worker: 'record', items });
    await w.drain();
    expect(begun).toEqual(['in-time']);
    expect(await w.api.progress(JOB)).toEqual({
      status: 'done-with-failures',
      total: 3,
      pending: 0,
      inFlight: 0,
      done: 1,
      failed: 2,
      obsolete: 2,
    });
    expect(await w.allResults(JOB)).toContainEqual({
      id: 'late',
      status: 'failed',
      reason: expect.stringContaining('deadline passed'),
      attempts: 0,
    });
    expect(await w.deadLetters()).toEqual([]);
  });

  test('that passes while an item waits for its next attempt ends it; one that passes while it runs does not', async () => {
    const { w } = noting();
    const inASecond = w.clock.nowMs() + 1_000;
    const items = [
      { id: 'again', payload: { fail: 'once', takesMs: 1_500 }, deadlineAt: inASecond },
      { id: 'long', payload: { takesMs: 1_500 }, deadlineAt: inASecond },
    ];
    await w.api.createJob(JOB, { worker: 'record', items });
    await w.drain();
    const results = new Map((await w.allResults(JOB)).map((result) => [result.id, result]));
    expect(results.get('long')).toMatchObject({ status: 'done', attempts: 1 });
    expect(results.get('again')).toMatchObject({ status: 'failed', attempts: 1 });
  });

  test('of an item in a group: those behind it are done', async () => {
    const { begun, w } = noting();
    const ids = ['a', 'b', 'c'];
    const items = ids.map((id) => ({
      id,
      payload: null,
      groupId: 'g',
      ...(id === 'b' ? { deadlineAt: PAST } : {}),
    }));
    await w.api.createJob(JOB, { worker: 'record', items, ordered: true });
    await w.drain();
    expect(begun).toEqual(['a', 'c']);
  });

  test('holds for an item by queue message too, and it leaves a marker that no redrive takes away', async () => {
    const { begun, w } = noting();
    const body = JSON.stringify({ id: 'direct', worker: 'record', deadlineAt: PAST });
    await w.items.sendBatch([{ body }]);
    await w.drain();
    // As SQS would leave it when nothing had buried it: without the name of a burial.
    await w.dead.sendBatch([{ body }]);
    await w.startRedrive('redrive', {});
    await w.drain();
    expect(begun).toEqual([]);
    expect(w.effects.dump()).toEqual([
      expect.objectContaining({ fields: expect.objectContaining({ status: 'obsolete', id: 'direct' }) }),
    ]);
  });

  test.each([
    ['no zone', '2030-01-01T00:00:00'],
    ['no such month', '2030-13-01T00:00:00Z'],
    ['no such day', '2030-02-30T00:00:00Z'],
    ['a leap day of another year', '2031-02-29T12:00+01:00'],
    ['a day of June that is one of July', '2030-06-31T00:00:00.5Z'],
    ['seconds', 1_800_000_000],
    ['a fraction', 1_800_000_000_000.5],
    ['words', 'tomorrow'],
    ['nothing', null],
  ])('of %s is refused, and says what it should be', (_, deadlineAt) => {
    const parsed = parseMessage(itemMessage, JSON.stringify({ id: 'a', worker: 'record', deadlineAt }));
    expect(parsed).toEqual({ ok: false, reason: expect.stringMatching(/deadlineAt: Expected an instant/) });
  });

  test('is an instant, whatever its zone', () => {
    const at = (deadlineAt: string | number, now: string): boolean => isObsolete({ deadlineAt }, Date.parse(now));
    expect(at('2030-01-01T01:00:00+01:00', '2029-12-31T23:59:59.999Z')).toBe(false);
    expect(at('2030-01-01T01:00+01:00', '2030-01-01T00:00:00Z')).toBe(true);
    expect(at(Date.parse('2030-01-01T00:00:00Z'), '2030-01-01T00:00:00Z')).toBe(true);
    expect(at('2032-02-29T00:00:00-12:00', '2032-02-29T11:59:59Z')).toBe(false);
    expect(isObsolete({}, 8e15)).toBe(false);
  });
});

describe('a priority', () => {
  const urgent = (id: string) => ({ id, payload: null, priority: 'high' as const });

  test('high goes by a queue of its own: however much is normal, it waits for none of that', async () => {
    const { begun, w } = noting();
    await w.api.createJob('bulk', { worker: 'record', items: someItems(200) });
    await w.step();
    await w.api.createJob(JOB, { worker: 'record', items: [urgent('now')] });
    await w.step();
    await w.step();
    // Three rounds: at most a batch of ten normal items was read in each.
    expect(begun).toContain('now');
    expect(begun.length).toBeLessThanOrEqual(31);
    await w.drain();
    expect(await w.api.progress('bulk')).toMatchObject({ status: 'done', done: 200 });
  });

  test('high starves nothing: while it keeps coming, normal items are done', async () => {
    const { begun, w } = noting();
    await w.api.createJob('bulk', { worker: 'record', items: someItems(30) });
    for (let round = 0; round < 5; round += 1) {
      const items = someItems(50).map(({ id }) => urgent(`${id}-${round}`));
      await w.api.createJob(`urgent-${round}`, { worker: 'record', items });
      await w.step();
    }
    // There was always more of it than could be done.
    expect(await w.urgent.depth()).toMatchObject({ visibleCount: 160 });
    expect(begun.filter((id) => /^item-\d+$/.test(id))).toHaveLength(30);
  });

  test('a failed item of it is put off in its own queue, buried like another, and redriven to where it was', async () => {
    const w = world({ worker: (clock) => recordWorker({ clock, misbehaves: true }) });
    const items = [
      { ...urgent('bad'), payload: { fail: 'always' } },
      { id: 'worse', payload: { fail: 'always' } },
    ];
    await w.api.createJob(JOB, { worker: 'record', items });
    await w.drain();
    expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', failed: 2 });
    await w.startRedrive('redrive', {});
    await w.redriveOnly();
    const idsIn = async (queue: Queue) => (await queue.receive({ maxCount: 10 })).map(itemIdOf);
    expect([await idsIn(w.urgent), await idsIn(w.items)]).toEqual([['bad'], ['worse']]);
  });

  test('in an ordered job is refused: its order decides', async () => {
    const { w } = noting();
    await w.api.createJob(JOB, { worker: 'record', open: true, ordered: true });
    expect(await w.api.addItems(JOB, 'p', [urgent('a')])).toBe('has-order');
    await w.plans.sendBatch([{ body: JSON.stringify({ worker: 'record', ordered: true, items: [urgent('b')] }) }]);
    await w.plans.sendBatch([{ body: JSON.stringify({ jobId: JOB, items: [urgent('c')] }) }]);
    await w.drain();
    const letters = await w.plansDead.receive({ maxCount: 10 });
    expect(letters.map(({ attributes }) => attributes['reason'])).toEqual([
      expect.stringContaining('their order decides'),
      expect.stringContaining('their order decides'),
    ]);
  });
});

import fc from 'fast-check';
import { someItems, world } from './world.ts';

const JOB = 'job-1';
const part = fc.array(fc.integer({ min: 0, max: 260 }), { maxLength: 240 });

test('the total of an open job is the number of its distinct ids, however its parts repeat and overlap', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 4 }), fc.array(fc.nat(3), { maxLength: 3 }), async (parts, again) => {
      const w = world({ planMs: 0 });
      await w.api.createJob(JOB, { worker: 'record', open: true });
      const all = someItems(261);
      const add = async (index: number): Promise<void> => {
        const items = (parts[index] ?? []).flatMap((n) => all[n] ?? []);
        expect(await w.api.addItems(JOB, `p${index}`, items)).toBe('accepted');
      };
      for (const index of parts.keys()) await add(index);
      for (const index of again) await add(index);
      await w.api.closeJob(JOB);
      await w.drain();
      const distinct = new Set(parts.flat());
      expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: distinct.size, done: distinct.size });
      const ids = (await w.allResults(JOB)).map(({ id }) => id);
      expect(ids.toSorted()).toEqual([...distinct].map((n) => `item-${n}`).toSorted());
    }),
    { numRuns: 40 },
  );
});

test('two planners beside each other count every item once', async () => {
  await fc.assert(
    fc.asyncProperty(part, part, async (one, two) => {
      const w = world();
      await w.api.createJob(JOB, { worker: 'record', open: true });
      const all = someItems(261);
      const itemsOf = (numbers: readonly number[]) => numbers.flatMap((n) => all[n] ?? []);
      await w.api.addItems(JOB, 'p1', itemsOf(one));
      await w.api.addItems(JOB, 'p2', itemsOf(two));
      const messages = await w.plans.receive({ maxCount: 10 });
      await w.clock.until(Promise.all([...messages, ...messages].map((message) => w.plan(message, 5_000))));
      await w.plans.deleteBatch(messages.map(({ receipt }) => receipt));
      await w.api.closeJob(JOB);
      await w.drain();
      const count = new Set([...one, ...two]).size;
      expect(await w.api.progress(JOB)).toMatchObject({ status: 'done', total: count, done: count });
    }),
    { numRuns: 40 },
  );
});

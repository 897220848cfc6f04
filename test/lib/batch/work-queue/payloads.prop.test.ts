import * as v from 'valibot';
import fc from 'fast-check';
import type { Json } from '#primitives/table';
import { someItems, world } from './world.ts';

const JOB = 'job-1';
const odd = fc.constantFrom(
  '{"n":1e200}',
  '1e-200',
  '"\\ud800"',
  '{"\\udfff":1}',
  '{"__proto__":{"a":1}}',
  '{"a":[{"constructor":1}]}',
  `${'['.repeat(40)}${']'.repeat(40)}`,
);
const payload = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc.string({ unit: 'binary' }).map((text) => JSON.stringify(text)),
  odd,
);
const echo = {
  name: 'echo',
  payload: v.unknown(),
  run: ({ payload: value }: { payload: unknown }) => Promise.resolve(value as Json),
};

test('a payload, whatever it is, hinders none of those that are recorded with it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(payload, { minLength: 1, maxLength: 5 }), async (payloads) => {
      const w = world({ workers: [echo] });
      const sane = ['a', 'b', 'c'].map((id) => JSON.stringify({ id, worker: 'echo', payload: { id } }));
      const others = payloads.map((text, at) => `{"id":"${at}","worker":"echo","payload":${text}}`);
      await w.items.sendBatch([...sane, ...others].map((body) => ({ body })));
      await w.drain();
      const effects = new Map(w.effects.dump().map(({ key, fields }) => [key.partition, fields]));
      for (const id of ['a', 'b', 'c']) {
        expect(effects.get(`direct/${id}`)).toMatchObject({ status: 'done', attempts: 1, output: { id } });
      }
      const letters = (await w.api.deadLetters())?.deadLetters ?? [];
      // Each of the others is done as it was sent, or a dead letter after one attempt.
      for (const [at, text] of payloads.entries()) {
        const fields = effects.get(`direct/${at}`);
        if (fields?.status === 'done') expect(fields.output).toEqual(JSON.parse(text));
      }
      const done = [...effects.values()].filter(({ status }) => status === 'done');
      expect(done.length - sane.length + letters.length).toBe(payloads.length);
      expect(letters.every(({ attempts, reason }) => attempts === 1 && reason !== '')).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('an output that the table does not take is a dead letter that says why, counted as failed', async () => {
  const w = world({ workers: [echo] });
  const items = [{ id: 'a', payload: { n: 1e200 } }, { id: 'b', payload: '\ud800' }, ...someItems(8)];
  await w.api.createJob(JOB, { worker: 'echo', items });
  await w.drain();
  expect(await w.api.progress(JOB)).toMatchObject({ status: 'done-with-failures', done: 8, failed: 2 });
  const letters = (await w.api.deadLetters())?.deadLetters ?? [];
  expect(letters.map(({ reason }) => reason)).toEqual([
    expect.stringContaining("the output cannot be recorded: Expected 'output' to be"),
    expect.stringContaining("the output cannot be recorded: Expected 'output' to be"),
  ]);
});

test.each(['__proto__', 'constructor', 'prototype'])(
  'a message with the name %s, at any depth, is refused',
  async (name) => {
    const w = world({ workers: [echo] });
    await w.items.sendBatch([{ body: `{"id":"a","worker":"echo","payload":[{"x":{"${name}":1}}]}` }]);
    await w.drain();
    expect((await w.api.deadLetters())?.deadLetters).toEqual([
      expect.objectContaining({ reason: `invalid message: the name '${name}' is not allowed`, attempts: 1 }),
    ]);
  },
);

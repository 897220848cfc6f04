import { reductionWorld } from './world.ts';

const ID = 'reduction-1';
/** Beside it a message has 84 bytes. */
const LONGEST = 1_048_576 - 84;

test('what no message holds is refused before anything is written', async () => {
  const { api, until, drain, table, queue } = reductionWorld();
  // What is escaped on its way counts as it is sent.
  const items = (length: number) => [{ id: '\uffff', text: 'x'.repeat(length) }];
  const refused = 'to be what a message holds (it would be longer than 1048576 bytes)';
  const create = (length: number) => until(api.create(ID, { kind: 'wordcount', items: items(length) }));
  await expect(create(LONGEST + 1)).rejects.toThrow(`Expected 'plan' ${refused}`);
  expect(table.dump()).toEqual([]);
  await until(api.create('open', { kind: 'wordcount', open: true }));
  await expect(until(api.add('open', 'p', items(1_048_576)))).rejects.toThrow(`Expected 'items' ${refused}`);
  expect(await until(queue.depth())).toMatchObject({ visibleCount: 0 });
  expect(await create(LONGEST)).toBe('accepted');
  await until(api.close('open'));
  await drain();
  for (const [id, count] of [
    [ID, 1],
    ['open', 0],
  ] as const)
    expect(await until(api.view(id))).toMatchObject({ status: 'done', items: count });
});

import { imageConsumer } from '#batch/coordinated/images/consumer';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import { joinWorld } from './join/world.ts';
import { reductionWorld } from './reduce/world.ts';

test.each([
  ['nothing', {}, "'plan' to be one of 'branches' and 'open'"],
  ['both', { branches: ['a'], open: true }, "'plan'"],
  ['no branches', { branches: [] }, "'branches' to be 1 to 16384 names, got an array of 0"],
  ['a text', { branches: 'ab' }, "'branches'"],
  ['NUL', { branches: ['a\0'] }, "'branch' to be text without NUL"],
  ['a form that is not NFC', { branches: ['a\u0301'] }, "'branch'"],
  ['half a character', { branches: ['\ud800'] }, "'branch'"],
  ['a step of a path', { branches: ['..'] }, "'branch'"],
  ['a number', { branches: [1] }, "'branch'"],
  ['not open', { open: false }, "'open' to be true"],
  ['a policy that is none', { branches: ['a'], deadlineMs: 1, onDeadline: 'boom' }, "'onDeadline'"],
  ['a policy without a deadline', { branches: ['a'], onDeadline: 'fire' }, "'deadlineMs'"],
  ['half a millisecond', { branches: ['a'], deadlineMs: 0.5 }, "'deadlineMs'"],
  ['a misspelt option', { branches: ['a'], deadline: 1 }, "'options'"],
  ['no plan', undefined, "'options' to be an object, got undefined"],
])('a join of %s is refused, and nothing is written', async (_, plan, message) => {
  const { api, until, table } = joinWorld();
  await expect(until(api.create('j', plan as never))).rejects.toThrow(`Expected ${message}`);
  expect(table.dump()).toEqual([]);
});

test.each(['', 'a/b', 'a#b', 'a\0', 'a\u0301', 'x'.repeat(65)])('%j is no id of a join or a reduction', async (id) => {
  const { api, until } = joinWorld();
  await expect(until(api.create(id, { branches: ['a'] }))).rejects.toThrow("Expected 'joinId'");
  await expect(until(api.arrive(id, 'a'))).rejects.toThrow("Expected 'joinId'");
  await expect(until(api.add('j', id, ['a']))).rejects.toThrow("Expected 'partId'");
  const { api: reduce, until: untilReduced } = reductionWorld();
  await expect(untilReduced(reduce.create(id, { kind: 'sum', items: [] }))).rejects.toThrow("Expected 'reductionId'");
  await expect(untilReduced(reduce.add('r', id, []))).rejects.toThrow("Expected 'partId'");
});

test('a part has one to a thousand branches', async () => {
  const { api, until } = joinWorld();
  await until(api.create('j', { open: true }));
  const names = (count: number) => Array.from({ length: count }, (_, at) => `b${at}`);
  await expect(until(api.add('j', 'p', names(1_001)))).rejects.toThrow("Expected 'branches' to be 1 to 1000 names");
  await expect(until(api.add('j', 'p', []))).rejects.toThrow("Expected 'branches'");
  expect(await until(api.add('j', 'p', names(1_000)))).toBe('accepted');
});

const value = (given: unknown) => [{ id: 'a', value: given }];

test.each([
  ['an unknown kind', { kind: 'x', items: [] }, "'kind' to be one of count"],
  ['no items', { kind: 'sum' }, "'plan' to be exactly one of"],
  ['items and a source', { kind: 'sum', items: [], source: { bucket: 'media', prefix: '' } }, "'plan'"],
  ['a value that is no number', { kind: 'sum', items: value(Number.NaN) }, "'items'"],
  ['an infinite value', { kind: 'sum', items: value(Infinity) }, "'items'"],
  ['a value of another kind', { kind: 'sum', items: value('a') }, "'items.0'"],
  ['an item without id', { kind: 'count', items: [{ id: '' }] }, "'items'"],
  ['too many', { kind: 'count', items: Array.from({ length: 1_001 }, (_, at) => ({ id: `${at}` })) }, "'items'"],
  ['a fan-in of one', { kind: 'sum', items: [], fanIn: 1 }, "'fanIn'"],
  ['falling bounds', { kind: 'histogram', items: [], buckets: [2, 1] }, "'buckets' to be rising bounds"],
  ['infinite bounds', { kind: 'histogram', items: [], buckets: [Infinity] }, "'buckets'"],
  ['bounds of a sum', { kind: 'sum', items: [], buckets: [1] }, "'buckets'"],
  ['a prefix that no key can have', { kind: 'sum', source: { bucket: 'm-1', prefix: 'x'.repeat(1_025) } }, "'source.p"],
  ['an unknown field', { kind: 'sum', items: [], more: 1 }, "'options'"],
])('a reduction with %s is refused, and nothing is written', async (_, plan, message) => {
  const { api, until, table, queue } = reductionWorld();
  await expect(until(api.create('r', plan as never))).rejects.toThrow(`Expected ${message}`);
  expect(table.dump()).toEqual([]);
  expect(await queue.depth()).toMatchObject({ visibleCount: 0 });
});

test('a part whose items do not fit is not taken: the reduction would wait for it', async () => {
  const { api, until, drain } = reductionWorld();
  await until(api.create('r', { kind: 'sum', open: true }));
  await expect(until(api.add('r', 'p', [{ id: 'a' }]))).rejects.toThrow("Expected 'items.0'");
  await until(api.close('r'));
  await drain();
  expect(await until(api.view('r'))).toMatchObject({ status: 'done', items: 0 });
});

test.each<[string, (options: never) => unknown]>([
  ['joins', joins],
  ['joinConsumer', joinConsumer],
  ['reductions', reductions],
  ['reductionConsumer', reductionConsumer],
  ['imageConsumer', imageConsumer],
])('%s without options, or with an unknown one, says so', (_, make) => {
  expect(() => make(undefined as never)).toThrow("Expected 'options' to be an object");
  expect(() => make({ more: 1 } as never)).toThrow("Expected 'options' to be made of");
});

import { memoryClock } from '#primitives/memory/clock';
import { indexed } from '#serving/scatter-gather/documents/collection';
import { leafSearch } from '#serving/scatter-gather/documents/leaf-search';

const call = {
  requestId: 'r',
  leaf: 'leaf-1',
  terms: [{ term: 'word', documentCount: 1 }],
  documentCount: 1,
  totalLength: 1,
  limit: 10,
  indexKey: 'v1',
};

const leaf = () => {
  const loads: string[] = [];
  const search = leafSearch({
    leaf: 1,
    clock: memoryClock(),
    heldCount: 2,
    store: {
      collection: async (key) => {
        loads.push(key);
        return new Map([[`of-${key}`, indexed({ id: `of-${key}`, text: 'word', stamp: '1' })]]);
      },
    },
  });
  const idsOf = async (indexKey: string | null): Promise<unknown> => {
    const { hits } = (await search({ ...call, indexKey })) as { hits: { id: string }[] };
    return hits.map(({ id }) => id);
  };
  return { search, loads, idsOf };
};

test('it answers of the version that it is told, and holds the last two', async () => {
  const { idsOf, loads } = leaf();
  expect(await idsOf('v1')).toEqual(['of-v1']);
  expect(await idsOf('v2')).toEqual(['of-v2']);
  expect(await idsOf('v1')).toEqual(['of-v1']);
  expect(loads).toEqual(['v1', 'v2']);
  await idsOf('v3');
  await idsOf('v2');
  expect(loads).toEqual(['v1', 'v2', 'v3']);
  await idsOf('v1');
  expect(loads).toEqual(['v1', 'v2', 'v3', 'v1']);
});

test('without a version it has no documents, and looks for none', async () => {
  const { idsOf, loads } = leaf();
  expect(await idsOf(null)).toEqual([]);
  expect(loads).toEqual([]);
});

test.each([
  ['nothing', undefined],
  ['text', 'word'],
  ['a limit beyond all measure', { ...call, limit: 1e9 }],
  ['a field that is not known', { ...call, extra: 1 }],
  ['another leaf', { ...call, leaf: 'leaf-2' }],
])('%s is an error, not an answer', async (_, payload) => {
  await expect(leaf().search(payload)).rejects.toMatchObject({ code: 'primitives/invalid-argument' });
});

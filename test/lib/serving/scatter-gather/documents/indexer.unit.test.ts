import { OutcomeUnknownError, UnavailableError } from '#primitives/errors';
import type { IndexHead } from '#serving/scatter-gather/documents/index-store';
import { searchWorld } from './search-world.ts';

const documents = (...texts: readonly string[]): string =>
  JSON.stringify({ documents: texts.map((text, index) => ({ id: `d${index}`, text })) });

describe('documents by id', () => {
  test('a message that comes again changes nothing, and costs no write', async () => {
    const world = searchWorld({ leafCount: 2 });
    const message = world.message(documents('one', 'two', 'three'));
    await world.index([message]);
    world.wire.resetCounts();
    expect(await world.index([message])).toEqual(new Set());
    expect(world.wire.counts()).not.toHaveProperty('dynamodb.PutItem');
    expect(world.wire.counts()).not.toHaveProperty('s3.PutObject');
    expect(await world.ids('two')).toEqual(['d1']);
  });

  test('one under a known id replaces the one before, in the statistics as well', async () => {
    const world = searchWorld({ leafCount: 2 });
    await world.put([{ id: 'a', text: 'old words' }]);
    await world.put([{ id: 'a', text: 'new' }]);
    expect(await world.ids('old')).toEqual([]);
    expect(await world.ids('new')).toEqual(['a']);
    const heads = await world.store.heads();
    const [head] = heads.flatMap((each) => each ?? []);
    const statistics = await world.store.statistics(head?.statisticsKey ?? '');
    expect(statistics).toEqual({ documentCount: 1, totalLength: 1, documentCounts: new Map([['new', 1]]) });
  });

  test('an old message that comes late does not bring the old version back', async () => {
    const world = searchWorld({ leafCount: 2 });
    const old = world.message(documents('old'));
    const young = world.message(documents('new'));
    await world.index([young]);
    await world.index([old]);
    expect(await world.ids('new old')).toEqual(['d0']);
    expect(await world.ids('old')).toEqual([]);
  });

  test('twice in one message: the later place counts', async () => {
    const world = searchWorld({ leafCount: 2 });
    await world.put([
      { id: 'a', text: 'first' },
      { id: 'a', text: 'second' },
    ]);
    expect(await world.ids('first')).toEqual([]);
    expect(await world.ids('second')).toEqual(['a']);
  });

  test('texts that are only signs are kept, and found by nothing', async () => {
    const world = searchWorld({ leafCount: 1 });
    await world.put([
      { id: 'a', text: '…!' },
      { id: 'b', text: 'word' },
    ]);
    expect(await world.ids('word')).toEqual(['b']);
  });
});

describe('messages that nobody can read', () => {
  test.each([
    ['{', 'the body is not JSON'],
    ['null', 'the body: '],
    ['{"documents": []}', 'documents: Expected 1 document or more.'],
    ['{"documents": [{"id": "a"}]}', 'documents.0.text: '],
    ['{"documents": [{"id": "", "text": "x"}]}', 'documents.0.id: Expected 1 character or more.'],
    ['{"documents": [{"id": "a\\u0000", "text": "x"}]}', 'documents.0.id: Expected text without NUL'],
    ['{"documents": [{"id": "a", "text": "\\ud800"}]}', 'documents.0.text: Expected text without NUL and lone'],
    ['{"documents": [{"id": "a", "text": "x", "more": 1}]}', 'documents.0.more: '],
  ])('%s goes to the dead letters with the reason, the rest of its batch is indexed', async (body, reason) => {
    const world = searchWorld({ leafCount: 2 });
    expect(await world.index([world.message(body), world.message(documents('good'))])).toEqual(new Set());
    const letters = await world.deadLetters.receive({ maxCount: 10 });
    expect(letters).toHaveLength(1);
    expect(letters[0]?.body).toBe(body);
    expect(letters[0]?.attributes['reason']).toContain(reason);
    expect(await world.ids('good')).toEqual(['d0']);
  });

  test('when the dead letters take nothing, the message comes again', async () => {
    const world = searchWorld({
      leafCount: 2,
      intercept: (operation, apply) => {
        if (operation.operation === 'sqs.SendMessageBatch') throw new UnavailableError('dead letters');
        return apply();
      },
    });
    const message = world.message('{');
    expect(await world.index([message])).toEqual(new Set([message.id]));
  });
});

describe('limits', () => {
  test('a leaf that is full takes no more: the message is a dead letter that says so', async () => {
    const world = searchWorld({ leafCount: 1, maxDocumentCount: 2 });
    await world.put([{ id: 'a', text: 'word' }]);
    expect(await world.index([world.message(documents('x', 'y'))])).toEqual(new Set());
    const [letter] = await world.deadLetters.receive({ maxCount: 10 });
    expect(letter?.attributes['reason']).toBe('leaf-0 has no room for more than 2 documents.');
    expect((await world.ids('word x y')).toSorted()).toEqual(['a', 'd0']);
  });

  test('in a batch of more than a leaf has room for, new versions and the first new documents are indexed', async () => {
    const world = searchWorld({ leafCount: 1, maxDocumentCount: 3 });
    await world.put([
      { id: 'a', text: 'old' },
      { id: 'b', text: 'old' },
    ]);
    const one = (id: string) => world.message(JSON.stringify({ documents: [{ id, text: `new ${id}` }] }));
    const [update, fits, exceeds] = [one('a'), one('c'), one('d')];
    expect(await world.index([update, fits, exceeds])).toEqual(new Set());
    expect((await world.ids('new')).toSorted()).toEqual(['a', 'c']);
    expect(await world.ids('old')).toEqual(['b']);
    const letters = await world.deadLetters.receive({ maxCount: 10 });
    expect(letters.map(({ body }) => body)).toEqual([exceeds.body]);
    // Full as it is, and what is there can be replaced.
    expect(await world.index([one('b'), one('e')])).toEqual(new Set());
    expect((await world.ids('new')).toSorted()).toEqual(['a', 'b', 'c']);
  });

  test('versions that nobody reads any more are swept: a leaf has at most 33, of two objects each', async () => {
    const world = searchWorld({ leafCount: 1 });
    for (let n = 0; n < 80; n += 1) await world.put([{ id: 'a', text: `word${n}` }]);
    const { objects } = await world.objects.list();
    expect(objects.length).toBeLessThanOrEqual(2 * 33);
    expect(await world.ids('word79')).toEqual(['a']);
  });
});

describe('a leaf that cannot be written', () => {
  test('only the messages with documents for it come again', async () => {
    const world = searchWorld({
      leafCount: 2,
      intercept: (operation, apply) => {
        if (operation.operation === 's3.PutObject') failures -= 1;
        if (operation.operation === 's3.PutObject' && failures >= 0) throw new UnavailableError('PutObject');
        return apply();
      },
    });
    // d0 and d1 are in different leaves; both leaves fail at first.
    let failures = 2;
    const messages = ['d0', 'd1'].map((id) =>
      world.message(JSON.stringify({ documents: [{ id, text: `word ${id}` }] })),
    );
    expect(await world.index(messages)).toEqual(new Set(messages.map(({ id }) => id)));
    failures = 1;
    const again = await world.index(messages);
    expect(again.size).toBe(1);
    expect((await world.ids('word')).length).toBe(1);
    failures = 0;
    expect(await world.index(messages)).toEqual(new Set());
    expect((await world.ids('word')).toSorted()).toEqual(['d0', 'd1']);
  });

  test('no leaf is begun when the time is over', async () => {
    const world = searchWorld({ leafCount: 2 });
    const message = world.message(documents('one'));
    const { indexer } = await import('#serving/scatter-gather/documents/indexer');
    const { clock, store, deadLetters } = world;
    const random = (await import('#primitives/memory/random')).seededRandom(1);
    const { quiet } = await import('./search-world.ts');
    const index = indexer({ store, deadLetters, clock, random, log: quiet, maxDocumentCount: 10 });
    expect(await index([message], 0)).toEqual(new Set([message.id]));
  });
});

test('a version that others have built on is kept, also when its own indexer never learnt that it counted', async () => {
  let isFirst = true;
  const world = searchWorld({
    leafCount: 1,
    intercept: async (operation, apply) => {
      if (operation.operation !== 'dynamodb.PutItem' || !isFirst) return apply();
      isFirst = false;
      await apply();
      seen = await world.store.head(0);
      await world.store.swap(0, seen, new Map());
      throw new OutcomeUnknownError('PutItem', new Error('no answer'));
    },
  });
  let seen: IndexHead | undefined;
  expect(await world.store.swap(0, undefined, new Map())).toBe('overtaken');
  // Who saw it as the head asks for it yet.
  expect((await world.store.collection(seen?.indexKey ?? '')).size).toBe(0);
  expect((await world.store.statistics(seen?.statisticsKey ?? '')).documentCount).toBe(0);
});

test('a batch costs five calls for each leaf that it changes', async () => {
  const world = searchWorld({ leafCount: 2 });
  await world.put(Array.from({ length: 20 }, (_, index) => ({ id: `a${index}`, text: 'word' })));
  world.wire.resetCounts();
  await world.put(Array.from({ length: 20 }, (_, index) => ({ id: `b${index}`, text: 'word' })));
  expect(world.wire.counts()).toEqual({
    'dynamodb.GetItem': 2,
    'dynamodb.PutItem': 2,
    's3.GetObject': 2,
    's3.PutObject': 4,
  });
});

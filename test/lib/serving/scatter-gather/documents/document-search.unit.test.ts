import { UnavailableError } from '#primitives/errors';
import { leafName, leafOf } from '#serving/scatter-gather/documents/leaf-of';
import type { Document } from '#serving/scatter-gather/documents/types';
import { searchWorld } from './search-world.ts';

const documents: readonly Document[] = Array.from({ length: 60 }, (_, index) => ({
  id: `d${index}`,
  text: `${'word '.repeat(1 + (index % 7))} other${index % 5} ${index % 2 === 0 ? 'even' : 'odd'}`,
}));

describe('what is found', () => {
  test('documents with one of the words, the best first, by any form of a letter', async () => {
    const world = searchWorld({ leafCount: 3 });
    await world.put([
      { id: 'fox', text: 'The quick brown fox' },
      { id: 'foxes', text: 'fox, fox, and a FOX' },
      { id: 'dog', text: 'the lazy dog' },
      { id: 'café', text: 'ＣＡＦÉ au lait' },
    ]);
    expect(await world.ids('Fox')).toEqual(['foxes', 'fox']);
    expect(await world.ids('lazy quick')).toEqual(['dog', 'fox']);
    expect(await world.ids('café')).toEqual(['café']);
    expect(await world.ids('cat')).toEqual([]);
    expect(await world.ids('!?')).toEqual([]);
    expect(await world.ids('constructor __proto__ toString')).toEqual([]);
  });

  test('also a word that is named after many that no document has', async () => {
    const world = searchWorld({ leafCount: 1 });
    await world.put([{ id: 'fox', text: 'The quick brown fox' }]);
    expect(await world.ids(`${Array.from({ length: 100 }, (_, at) => `unknown${at}`).join(' ')} fox`)).toEqual(['fox']);
  });

  test('nothing, when there is nothing: all leaves are asked and answer', async () => {
    const world = searchWorld({ leafCount: 3 });
    const found = await world.clock.until(world.search.search('fox', { limit: 10 }));
    expect(found).toMatchObject({ status: 'complete', answer: [], answered: ['leaf-0', 'leaf-1', 'leaf-2'] });
  });

  test('what a leaf that is missing has not is as in the whole answer: same scores, same order', async () => {
    const world = searchWorld({ leafCount: 4, policy: { quorum: 1 } });
    await world.put(documents);
    const whole = await world.clock.until(world.search.search('word even', { limit: 100 }));
    world.broken.set('leaf-2', () => new Promise(() => {}));
    const partial = await world.clock.until(world.search.search('word even', { limit: 100 }));
    expect(partial).toMatchObject({ status: 'partial', missing: [{ leaf: 'leaf-2', reason: 'deadline' }] });
    if (whole.status !== 'complete' || partial.status !== 'partial') throw new Error('unreachable');
    expect(whole.answer).toHaveLength(60);
    expect(partial.answer).toEqual(whole.answer.filter(({ id }) => leafName(leafOf(id, 4)) !== 'leaf-2'));
    expect(partial.answer.length).toBeLessThan(60);
  });
});

describe('invocations and calls', () => {
  test('a search is one invocation for each leaf; heads are looked at once in the refresh time', async () => {
    const world = searchWorld({ leafCount: 5, policy: { refreshMs: 1_000 } });
    await world.put(documents);
    await world.ids('word');
    world.wire.resetCounts();
    for (let n = 0; n < 7; n += 1) await world.ids('word');
    expect(world.wire.counts()).toEqual({ 'lambda.Invoke': 35 });
    await world.clock.advance(1_000);
    await world.ids('word');
    expect(world.wire.counts()).toEqual({ 'lambda.Invoke': 40, 'dynamodb.Query': 1 });
  });

  test('a new version costs a root one object, and its leaf one, and the other leaves nothing', async () => {
    const world = searchWorld({ leafCount: 5 });
    await world.put(documents);
    await world.ids('word');
    await world.put([{ id: 'd1', text: 'new words' }]);
    world.wire.resetCounts();
    expect(await world.ids('new')).toEqual(['d1']);
    expect(world.wire.counts()).toEqual({ 'lambda.Invoke': 5, 'dynamodb.Query': 1, 's3.GetObject': 2 });
  });

  test('a hundred searches at a time load an index once', async () => {
    const world = searchWorld({ leafCount: 2, policy: { refreshMs: 1_000 } });
    await world.put(documents);
    world.wire.resetCounts();
    const all = Array.from({ length: 100 }, () => world.search.search('word', { limit: 1 }));
    await world.clock.until(Promise.all(all));
    // Two statistics and two indexes.
    expect(world.wire.counts()).toEqual({ 'lambda.Invoke': 200, 'dynamodb.Query': 1, 's3.GetObject': 4 });
  });
});

describe('leaves that misbehave', () => {
  test.each([
    ['fails', () => Promise.reject(new Error('no')), 'scatter-gather/leaf-failed'],
    ['answers something else', async () => ({ hits: 'x' }), 'scatter-gather/leaf-garbled'],
    ['answers nothing', async () => null, 'scatter-gather/leaf-garbled'],
  ])('a leaf that %s is missing', async (_, does, code) => {
    const world = searchWorld({ leafCount: 3 });
    await world.put(documents);
    world.broken.set('leaf-1', does);
    const found = await world.clock.until(world.search.search('word', { limit: 100 }));
    expect(found).toMatchObject({
      status: 'partial',
      missing: [{ leaf: 'leaf-1', reason: 'failed', error: { code } }],
    });
  });

  test('an answer to another request, or of another leaf, is no part', async () => {
    const world = searchWorld({ leafCount: 3 });
    await world.put(documents);
    const stale = { hits: [{ id: 'other', score: 99, excerpt: '' }], workMs: 1 };
    world.broken.set('leaf-0', async () => ({ ...stale, requestId: 'of-another', leaf: 'leaf-0' }));
    world.broken.set('leaf-1', async (payload) => ({
      ...stale,
      requestId: (payload as { requestId: string }).requestId,
      leaf: 'leaf-2',
    }));
    const found = await world.clock.until(world.search.search('word', { limit: 100 }));
    expect(found).toMatchObject({ status: 'partial', answered: ['leaf-2'] });
    expect(await world.ids('word', 100)).not.toContain('other');
  });

  test('a throttled leaf is said to be throttled', async () => {
    const world = searchWorld({ leafCount: 2 });
    world.invoker.register('function-leaf-1', () => null, { reservedConcurrency: 0 });
    const found = await world.clock.until(world.search.search('word', { limit: 1 }));
    expect(found.missing).toMatchObject([{ leaf: 'leaf-1', error: { code: 'scatter-gather/leaf-throttled' } }]);
    expect(found.tookMs).toBeLessThanOrEqual(1_000);
  });

  test('calls wait for their turn at a leaf that takes one at a time, and all are answered', async () => {
    const world = searchWorld({ leafCount: 2, policy: { refreshMs: 60_000 } });
    await world.put(documents);
    let runningCount = 0;
    world.broken.set('leaf-1', async (payload) => {
      runningCount += 1;
      expect(runningCount).toBe(1);
      await world.clock.sleep(20);
      runningCount -= 1;
      const { requestId, leaf } = payload as { readonly requestId: string; readonly leaf: string };
      return { requestId, leaf, hits: [], workMs: 20 };
    });
    const slow = world.broken.get('leaf-1');
    world.invoker.register('function-leaf-1', (payload) => slow?.(payload), { reservedConcurrency: 1 });
    const all = Array.from({ length: 10 }, () => world.search.search('word', { limit: 1 }));
    for (const found of await world.clock.until(Promise.all(all))) expect(found.status).toBe('complete');
  });
});

describe('the statistics', () => {
  const failing = () => {
    let isDown = false;
    const world = searchWorld({
      leafCount: 2,
      intercept: (operation, apply) => {
        if (isDown && operation.operation === 'dynamodb.Query') throw new UnavailableError('Query');
        return apply();
      },
    });
    return { world, down: () => (isDown = true) };
  };

  test('while they cannot be had those from before are good enough', async () => {
    const { world, down } = failing();
    await world.put([{ id: 'a', text: 'word' }]);
    expect(await world.ids('word')).toEqual(['a']);
    down();
    expect(await world.ids('word')).toEqual(['a']);
  });

  test('without any there is no answer, and it may be asked again', async () => {
    const { world, down } = failing();
    down();
    await expect(world.search.search('word', { limit: 1 })).rejects.toMatchObject({ retryable: true });
  });

  test('when they hang the answer is there by the deadline all the same', async () => {
    let isHanging = false;
    const world = searchWorld({
      leafCount: 2,
      intercept: (operation, apply) =>
        isHanging && operation.operation === 'dynamodb.Query' ? new Promise(() => {}) : apply(),
    });
    await world.put([{ id: 'a', text: 'word' }]);
    await world.ids('word');
    isHanging = true;
    const found = await world.clock.until(world.search.search('word', { limit: 1, deadlineMs: 400 }));
    expect(found).toMatchObject({ status: 'complete', tookMs: 200 });
  });
});

test('what calls took is kept for the advice, and no more of it than is needed', async () => {
  const world = searchWorld({ leafCount: 5, policy: { refreshMs: 60_000 } });
  for (let n = 0; n < 500; n += 1) await world.ids('word');
  expect(world.search.samples()).toHaveLength(2_000);
});

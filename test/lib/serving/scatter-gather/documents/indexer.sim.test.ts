import { failuresOf, messagesOf, type SqsEvent } from '#batch/partial-batch';
import { indexer } from '#serving/scatter-gather/documents/indexer';
import { indexStore } from '#serving/scatter-gather/documents/index-store';
import { leafOf } from '#serving/scatter-gather/documents/leaf-of';
import type { InvocationContext } from '#simulation/function-host';
import { seeds, sweep, type Scenario } from '#simulation/sweep';
import { quiet } from './search-world.ts';

const LEAVES = 3;
const IDS = Array.from({ length: 7 }, (_, index) => `d${index}`);

/** Every document is sent twice, with another text; several indexers take the messages as they come. */
const scenario: Scenario = async (w) => {
  const deadLetters = w.queue('dead-letters');
  const documents = w.queue('documents', {
    visibilityMs: 30_000,
    deadLetter: { queue: deadLetters, maxReceiveCount: 30 },
  });
  const store = indexStore({
    objects: w.bucket('index'),
    table: w.table('heads'),
    random: w.random,
    leafCount: LEAVES,
  });
  const { clock, random } = w;
  const boot = () => {
    const index = indexer({ store, deadLetters, clock, random, log: quiet, maxDocumentCount: 100 });
    return async (event: SqsEvent, context: InvocationContext) =>
      failuresOf(await index(messagesOf(event), context.getRemainingTimeInMillis() / 2));
  };
  w.source({
    queue: documents,
    batchSize: 2,
    maximumConcurrency: 3,
    function: w.function({ name: 'indexer', timeoutMs: 5_000, boot }),
  });
  // From outside, so that no fault hits the sending: an old text that is late there is a new one for the queue.
  for (const age of ['old', 'new']) {
    const bodies = IDS.map((id) => ({ body: JSON.stringify({ documents: [{ id, text: `${age} ${id}` }] }) }));
    await documents.sendBatch(bodies);
    await w.until(w.clock.sleep(30));
  }
  await w.untilQuiet();

  const heads = await store.heads();
  for (const [leaf, head] of heads.entries()) {
    const wanted = IDS.filter((id) => leafOf(id, LEAVES) === leaf);
    if (wanted.length === 0) continue;
    if (head === undefined) throw new Error(`leaf ${leaf} has no documents`);
    const collection = await store.collection(head.indexKey);
    const found = [...collection].map(([id, { excerpt }]) => `${id}: ${excerpt}`).toSorted();
    const expected = wanted.map((id) => `${id}: new ${id}`).toSorted();
    if (JSON.stringify(found) !== JSON.stringify(expected))
      throw new Error(`leaf ${leaf}: ${found.join('; ')} instead of ${expected.join('; ')}`);
    const { documentCount, documentCounts } = await store.statistics(head.statisticsKey);
    if (documentCount !== wanted.length || documentCounts.get('new') !== wanted.length || documentCounts.has('old'))
      throw new Error(`leaf ${leaf}: its statistics are not those of its documents`);
  }
  const { visibleCount } = await deadLetters.depth();
  if (visibleCount > 0) throw new Error(`${visibleCount} dead letters`);
};

test('whatever happens to any one write: every document is found with its latest text, once, and counted right', async () => {
  const { callCount, runCount } = await sweep(scenario);
  expect(callCount).toBeGreaterThan(30);
  expect(runCount).toBeGreaterThan(callCount * 5);
}, 240_000);

test('the same under mixed faults', async () => {
  const { faultCount } = await seeds(scenario, { count: 40, faultLimitCount: 8 });
  expect(faultCount).toBeGreaterThan(40);
}, 240_000);

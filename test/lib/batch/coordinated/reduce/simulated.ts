import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reducerOf, type ReductionKind } from '#batch/coordinated/reduce/kinds';
import { fold, type ReductionItem } from '#batch/coordinated/reduce/reducer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import type { Random } from '#primitives/random';
import { BrokenPromiseError, holdAll } from '#simulation/checkers';
import type { Scenario } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { quiet } from '../../work-queue/world.ts';

const KEEP_MS = 3_600_000;

/** Reductions with their consumer, as the template wires them, in a simulated world. */
const reductionsIn = (w: World) => {
  const [table, bucket] = [w.table('state'), w.bucket('texts')];
  const deadLetters = w.queue('reductions-dead-letters');
  const queue = w.queue('reductions', { deadLetter: { queue: deadLetters, maxReceiveCount: 1_000 } });
  const options = {
    table,
    queue,
    bucketOf: () => bucket,
    clock: w.clock,
    random: w.random,
    log: quiet,
    keepMs: KEEP_MS,
  };
  const boot = () => {
    const consume = reductionConsumer({ ...options, deadLetters, patience: 8, maxReceiveCount: 30 });
    return (event: SqsEvent) => partialBatch(messagesOf(event), consume, { concurrency: 2 });
  };
  w.source({ queue, batchSize: 4, function: w.function({ name: 'consumer', boot }) });
  return { api: reductions(options), bucket, deadLetters };
};

const WORDS = ['one', 'two', 'three', 'constructor', 'été', 'Two'];

const someItem = (kind: ReductionKind, index: number, random: Random): ReductionItem => {
  const id = `item-${index}`;
  const word = (): string => WORDS[Math.floor(random.next() * WORDS.length)] ?? '';
  switch (kind) {
    case 'count':
      return { id };
    case 'sum':
      return { id, value: (random.next() - 0.5) * 10 ** Math.floor(random.next() * 30) };
    case 'histogram':
      return { id, value: random.next() * 100 };
    case 'wordcount':
      return { id, text: `${word()} ${word()} ${word()}` };
  }
};

export interface SimulatedReduction {
  readonly kind: ReductionKind;
  readonly itemCount: number;
  /** Items of a part; each comes once in its own and with some chance in a later one too. */
  readonly partCount: number;
  readonly fanIn: number;
  readonly how: 'list' | 'parts' | 'source';
}

const BOUNDS = [10, 20, 50, 90];

/** A reduction of items that come twice, in parts at once, in any order: it must be the sequential fold. */
export const reductionScenario =
  (chosen: (random: Random) => SimulatedReduction): Scenario =>
  async (w) => {
    const { kind, itemCount, partCount, fanIn, how } = chosen(w.random);
    const { api, bucket, deadLetters } = reductionsIn(w);
    const items = Array.from({ length: itemCount }, (_, index) => someItem(kind, index, w.random));
    const buckets = kind === 'histogram' ? { buckets: BOUNDS } : {};
    const plan = { kind, fanIn, ...buckets };
    const again = items.filter(() => w.random.next() < 0.3);
    const id = 'reduction';
    if (how === 'list') {
      await w.client(() => api.create(id, { ...plan, items: [...items, ...again] }));
    } else if (how === 'source') {
      for (const item of items)
        await w.client(() => bucket.put(`in/${item.id}`, Buffer.from(item.text ?? String(item.value ?? ''))));
      await w.client(() => bucket.put('other', Buffer.from('x')));
      await w.client(() => api.create(id, { ...plan, source: { bucket: 'texts', prefix: 'in/' } }));
    } else {
      await w.client(() => api.create(id, { ...plan, open: true }));
      const all = [...items, ...again];
      const size = Math.max(1, Math.ceil(all.length / partCount));
      for (let part = 0; part * size < all.length; part += 1) {
        const some = all.slice(part * size, (part + 1) * size);
        await w.client(async () => {
          const outcome = await api.add(id, `p${part}`, some);
          if (outcome !== 'accepted') throw new BrokenPromiseError([`part ${part} was refused: ${outcome}`]);
        });
      }
      await w.client(() => api.close(id));
    }
    await w.untilQuiet();
    const reducer = reducerOf(kind, kind === 'histogram' ? BOUNDS : undefined);
    const expected = reducer.result(
      fold(
        reducer,
        items.map((item) => reducer.of(item)),
      ),
    );
    const view = await api.view(id);
    const isRight = view?.status === 'done' && JSON.stringify(view.result) === JSON.stringify(expected);
    const { visibleCount } = await deadLetters.depth();
    holdAll(
      isRight && view.items === itemCount ? [] : [`${JSON.stringify(view)} instead of ${JSON.stringify(expected)}`],
      visibleCount === 0 ? [] : [`${visibleCount} dead letters`],
    );
  };

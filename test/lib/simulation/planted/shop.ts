import { failuresOf, messagesOf, type PartialBatchAnswer, type SqsEvent } from '#batch/partial-batch';
import type { Clock } from '#primitives/clock';
import type { ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import type { Table } from '#primitives/table';
import { holdAll, lost, twice, unbalanced } from '#simulation/checkers';
import type { Scenario } from '#simulation/sweep';

/** What a consumer works with. An effect is a record that every run of the work leaves: two runs, two records. */
export interface Shop {
  readonly marks: Table;
  readonly effects: Table;
  readonly random: Random;
  readonly clock: Clock;
}

/** Handles a batch and gives the ids of the messages that have to come again. */
export type Consumer = (shop: Shop) => (messages: readonly ReceivedMessage[]) => Promise<readonly string[]>;

export const COUNTER = { partition: 'counter', sort: 'counter' };
const IDS = Array.from({ length: 12 }, (_, n) => `order-${n}`);

export const effectOf = ({ body }: ReceivedMessage, { random }: Shop) => ({
  key: { partition: body, sort: random.uuid() },
  fields: {},
});

/** Handles messages one after the other; those of which `handle` rejects come again. */
export const oneByOne = async (
  messages: readonly ReceivedMessage[],
  handle: (message: ReceivedMessage) => Promise<void>,
): Promise<readonly string[]> => {
  const failed: string[] = [];
  for (const message of messages) await handle(message).catch(() => failed.push(message.id));
  return failed;
};

/** Twelve orders go through a queue to the consumer, and each must have its effect, once. */
export const shopScenario =
  (consumer: Consumer, options: { readonly counts?: boolean } = {}): Scenario =>
  async (w) => {
    const queue = w.queue('orders');
    const [marks, effects] = [w.table('marks'), w.table('effects')];
    const handle = w.function({
      name: 'consumer',
      boot: () => {
        const consume = consumer({ marks, effects, random: w.random, clock: w.clock });
        return async (event: SqsEvent): Promise<PartialBatchAnswer> => failuresOf(await consume(messagesOf(event)));
      },
    });
    w.source({ queue, function: handle, batchSize: 4 });
    await w.send(
      queue,
      IDS.map((body) => ({ body })),
    );
    await w.untilQuiet();
    const seen = effects.dump().map(({ key }) => key.partition);
    const counted = (await marks.get(COUNTER))?.['n'];
    const reads = options.counts === true ? [{ total: IDS.length, parts: { counted: Number(counted) } }] : [];
    holdAll(lost(IDS, seen), twice(seen), unbalanced(reads));
  };

import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { holdAll, lost, twice } from '#simulation/checkers';
import { seeds, sweep } from '#simulation/sweep';
import type { World } from '#simulation/world';
import { logSender } from '#single-node/adapter/log-sender';
import { logStore } from '#single-node/adapter/log-store';
import { normaliser } from '#single-node/adapter/normaliser';
import type { LogEntry } from '#single-node/adapter/log-entry';

const BATCHES = 4;
/** More than one transaction. */
const LINES = 130;

/** Clients send batches, again when they got no answer; in the end every line is there once. */
const scenario = async (w: World): Promise<void> => {
  const [queue, table] = [w.queue('logs'), w.table('entries')];
  const boot = () => {
    const normalise = normaliser({ store: logStore({ table, keepMs: 86_400_000 }) });
    return (event: SqsEvent) => partialBatch(messagesOf(event), normalise);
  };
  w.source({ queue, function: w.function({ name: 'normalise', boot }) });
  const expected: string[] = [];
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const lines = Array.from({ length: batch === 0 ? LINES : 3 }, (_, at) => `${batch}/${at}`);
    expected.push(...lines);
    const send = logSender({ queue, clock: w.clock });
    await w.client(() => send({ source: 's', format: 'auto', identity: 'batch', lines, batchId: `b${batch}` }));
  }
  await w.untilQuiet();
  const records = table.dump().filter(({ key }) => key.partition.startsWith('logs/'));
  const seen = records.map(({ fields }) => (JSON.parse(fields['entry'] as string) as LogEntry).data.message);
  holdAll(lost(expected, seen), twice(seen));
};

test('no line is lost and none is there twice, whatever happens to any one write', async () => {
  const { callCount, runCount } = await sweep(scenario);
  expect(callCount).toBeGreaterThan(10);
  expect(runCount).toBeGreaterThan(callCount * 4);
}, 120_000);

test('nor when everything happens at once', async () => {
  const { faultCount } = await seeds(scenario, { count: 100 });
  expect(faultCount).toBeGreaterThan(100);
}, 120_000);

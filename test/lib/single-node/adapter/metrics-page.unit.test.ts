import { memoryClock } from '#primitives/memory/clock';
import { memoryQueue } from '#primitives/memory/queue';
import { memoryWire } from '#primitives/memory/wire';
import { prometheusText } from '#single-node/adapter/exposition';
import type { MetricSource, Reading } from '#single-node/adapter/metric';
import { metricsPage, type MetricsPageOptions } from '#single-node/adapter/metrics-page';
import { queueStats } from '#single-node/adapter/queue-stats';
import { tableStats } from '#single-node/adapter/table-stats';

const reading = (...values: readonly number[]): Reading => ({
  families: [
    {
      name: 'app_things',
      help: 'Things.',
      type: 'gauge',
      samples: values.map((value) => ({ labels: { of: `${value}` }, value })),
    },
  ],
  unparsedCount: 0,
});
const source = (name: string, read: MetricSource['read']): MetricSource => ({ name, read });

const pageOf = async (sources: readonly MetricSource[], options: Partial<MetricsPageOptions> = {}) => {
  const clock = memoryClock();
  const page = metricsPage({ sources, clock, deadlineMs: 1_000, concurrency: 2, maxSeriesCount: 100, ...options });
  const text = prometheusText(await clock.until(page()));
  return { lines: text.split('\n').filter((line) => line !== '' && !line.startsWith('#')), text, clock };
};

test('a source that fails, hangs or gives rubbish is told as down, and takes no other along', async () => {
  const { lines, clock } = await pageOf([
    source('good', async () => reading(1)),
    source('failing', () => Promise.reject(new Error('no'))),
    source('throwing', () => {
      throw new Error('no');
    }),
    source('hanging', () => new Promise(() => undefined)),
    source('rubbish', async () => ({
      families: [{ name: 'not a name', help: 'x', type: 'gauge', samples: [{ value: 1 }] }],
      unparsedCount: 0,
    })),
    source('also-good', async () => ({ ...reading(2), unparsedCount: 3 })),
  ]);
  expect(lines.filter((line) => line.startsWith('adapter_source_up'))).toEqual([
    'adapter_source_up{source="good"} 1',
    'adapter_source_up{source="failing"} 0',
    'adapter_source_up{source="throwing"} 0',
    'adapter_source_up{source="hanging"} 0',
    'adapter_source_up{source="rubbish"} 0',
    'adapter_source_up{source="also-good"} 1',
  ]);
  expect(lines.filter((line) => line.startsWith('app_things'))).toEqual([
    'app_things{of="1"} 1',
    'app_things{of="2"} 2',
  ]);
  expect(lines).toContain('adapter_source_read_seconds{source="hanging"} 1');
  expect(lines).toContain('adapter_source_unparsed_values{source="also-good"} 3');
  expect(clock.monotonicMs()).toBe(1_000);
});

test('what all sources call the same is one family, and what has the same labels comes once', async () => {
  const { lines, text } = await pageOf([
    source('one', async () => reading(1, 2)),
    source('two', async () => reading(2, 3)),
    source('three', async () => ({
      families: [{ name: 'app_things', help: 'x', type: 'counter', samples: [{ value: 1 }] }],
      unparsedCount: 0,
    })),
  ]);
  expect(lines.filter((line) => line.startsWith('app_things'))).toEqual([
    'app_things{of="1"} 1',
    'app_things{of="2"} 2',
    'app_things{of="3"} 3',
  ]);
  expect(text.match(/# TYPE app_things /g)).toHaveLength(1);
  expect(lines).toContain('adapter_source_dropped_series{source="two"} 1');
});

test('a source adds so many series and no more; the rest is counted', async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => at);
  const { lines } = await pageOf(
    [source('many', async () => reading(...many)), source('few', async () => reading(-1))],
    {
      maxSeriesCount: 10,
    },
  );
  expect(lines.filter((line) => line.startsWith('app_things'))).toHaveLength(11);
  expect(lines).toContain('adapter_source_dropped_series{source="many"} 990');
});

test('those who ask side by side cost one reading', async () => {
  const clock = memoryClock();
  let reads = 0;
  const read = async () => {
    reads += 1;
    await clock.sleep(10);
    return reading(reads);
  };
  const page = metricsPage({
    sources: [source('a', read)],
    clock,
    deadlineMs: 1_000,
    concurrency: 1,
    maxSeriesCount: 10,
  });
  const pages = await clock.until(Promise.all(Array.from({ length: 100 }, page)));
  expect([reads, new Set(pages).size]).toEqual([1, 1]);
  await clock.until(page());
  expect(reads).toBe(2);
});

test('so many sources are read at a time and no more', async () => {
  const clock = memoryClock();
  let running = 0;
  let most = 0;
  const sources = Array.from({ length: 9 }, (_, at) =>
    source(`s${at}`, async () => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(10);
      running -= 1;
      return reading(at);
    }),
  );
  await clock.until(metricsPage({ sources, clock, deadlineMs: 1_000, concurrency: 3, maxSeriesCount: 10 })());
  expect(most).toBe(3);
  expect(clock.monotonicMs()).toBe(30);
});

test('a queue tells what is visible, in flight and delayed, by one call', async () => {
  const clock = memoryClock();
  const wire = memoryWire();
  const queue = memoryQueue({ name: 'svc-local-jobs', clock, wire });
  await queue.sendBatch([{ body: 'a' }, { body: 'b' }, { body: 'c' }, { body: 'd', delayMs: 5_000 }]);
  await queue.receive({ maxCount: 2 });
  wire.resetCounts();
  const { lines } = await pageOf([queueStats({ queue, label: 'jobs' })]);
  expect(lines.filter((line) => line.startsWith('queue_'))).toEqual([
    'queue_messages{queue="jobs",state="visible"} 1',
    'queue_messages{queue="jobs",state="in_flight"} 2',
    'queue_messages{queue="jobs",state="delayed"} 1',
  ]);
  expect(wire.counts()).toEqual({ 'sqs.GetQueueAttributes': 1 });
});

test('a table tells how many records it has and how big it is', async () => {
  const { lines } = await pageOf([
    tableStats({ label: 'jobs', attributes: async () => ({ recordCount: 3, sizeBytes: 500 }) }),
  ]);
  expect(lines.filter((line) => line.startsWith('table_'))).toEqual([
    'table_records{table="jobs"} 3',
    'table_size_bytes{table="jobs"} 500',
  ]);
});

test.each([['deadlineMs'], ['concurrency'], ['maxSeriesCount']])('%s of 0 is refused', async (name) => {
  await expect(pageOf([], { [name]: 0 })).rejects.toThrow(`Expected '${name}' to be an integer from 1`);
});

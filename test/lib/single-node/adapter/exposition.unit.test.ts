import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { embeddedMetrics } from '#single-node/adapter/embedded-metrics';
import { prometheusText } from '#single-node/adapter/exposition';
import { checkFamily, type MetricFamily } from '#single-node/adapter/metric';
import { redisInfo } from '#single-node/adapter/redis-info';
import { outputOf, testWith } from '../../../support/programs.ts';

const family = (samples: MetricFamily['samples'], more: Partial<MetricFamily> = {}): MetricFamily => ({
  name: 'app_things',
  help: 'Things.',
  type: 'gauge',
  samples,
  ...more,
});

describe('the text format of Prometheus', () => {
  test('has help, type and a line for each sample, and families without samples are left out', () => {
    const text = prometheusText([
      family([{ labels: { kind: 'a', of: 'b' }, value: 1.5 }, { value: 2 }]),
      family([], { name: 'app_nothing' }),
      family([{ value: 1e21 }], { name: 'app_calls_total', type: 'counter' }),
    ]);
    expect(text).toBe(
      '# HELP app_things Things.\n# TYPE app_things gauge\napp_things{kind="a",of="b"} 1.5\napp_things 2\n' +
        '# HELP app_calls_total Things.\n# TYPE app_calls_total counter\napp_calls_total 1e+21\n',
    );
  });

  test('values that are no numbers have the names that Prometheus gives them', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324];
    const text = prometheusText([family(values.map((value, at) => ({ labels: { at: `${at}` }, value })))]);
    expect(text.match(/\S+$/gm)).toEqual(['Things.', 'gauge', 'NaN', '+Inf', '-Inf', '0', '5e-324']);
  });

  test('backslash, line feed and quote are escaped; nothing in a label or help makes another line', () => {
    const text = prometheusText([
      family([{ labels: { path: 'C:\\x\n"y"' }, value: 1 }], { help: 'A \\ and\nanother "line".' }),
    ]);
    expect(text).toContain('# HELP app_things A \\\\ and\\nanother "line".\n');
    expect(text).toContain('app_things{path="C:\\\\x\\n\\"y\\""} 1\n');
  });

  /** A reader of the test's own: what is between the quotes of a label, as Prometheus reads it. */
  const labelIn = (text: string): string => {
    const line = text.split('\n')[2] ?? '';
    const quoted = line.slice(line.indexOf('"') + 1, line.lastIndexOf('"'));
    return quoted.replaceAll(/\\[\\n"]/g, (escape) => (escape === String.raw`\n` ? '\n' : escape.slice(1)));
  };
  test('any label is read back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (label) => {
        const text = prometheusText([family([{ labels: { of: label }, value: 1 }])]);
        expect(text.split('\n')).toHaveLength(4);
        expect(labelIn(text)).toBe(label.toWellFormed());
      }),
    );
  });
});

describe('a family that Prometheus or its linter would refuse is refused', () => {
  test.each([
    ['a counter without _total', { name: 'app_calls', type: 'counter' }],
    ['a gauge with it', { name: 'app_calls_total', type: 'gauge' }],
    ['a suffix of histograms', { name: 'app_call_count', type: 'gauge' }],
    ['capitals', { name: 'appCalls', type: 'gauge' }],
    ['a colon', { name: 'app:calls', type: 'gauge' }],
    ['nothing', { name: '', type: 'gauge' }],
    ['another type', { name: 'app', type: 'summary' as 'gauge' }],
  ] as const)('%s', (_, { name, type }) => {
    expect(() => checkFamily({ name, type, help: 'x' })).toThrow(/^Expected '(name|type)' to be/);
  });

  test.each(['le', 'quantile', '__name__', 'Kind', 'a-b', ''])('the label %j', (label) => {
    expect(() => checkFamily({ name: 'app', type: 'gauge', help: 'x' }, [label])).toThrow("Expected 'labels'");
  });

  test('no help', () => {
    expect(() => checkFamily({ name: 'app', type: 'gauge', help: ' ' })).toThrow("Expected 'help'");
  });
});

describe('the embedded metric format', () => {
  const options = { namespace: 'app', atMs: 1_700_000_000_000, dimensions: { service: 's' } };

  test('a set of labels is a line, with metrics of all families, in units that CloudWatch knows', () => {
    const { lines, leftOutCount } = embeddedMetrics(
      [
        family([{ value: 3 }, { labels: { kind: 'a' }, value: 4 }]),
        family([{ value: 0.5 }], { name: 'app_took_seconds' }),
        family([{ value: 10 }], { name: 'app_read_bytes_total', type: 'counter' }),
        family([{ value: 0.1 }], { name: 'app_hit_ratio' }),
      ],
      options,
    );
    expect(leftOutCount).toBe(0);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        _aws: {
          Timestamp: 1_700_000_000_000,
          CloudWatchMetrics: [
            {
              Namespace: 'app',
              Dimensions: [['service']],
              Metrics: [
                { Name: 'app_things', Unit: 'Count' },
                { Name: 'app_took_seconds', Unit: 'Seconds' },
                { Name: 'app_read_bytes_total', Unit: 'Bytes' },
                { Name: 'app_hit_ratio', Unit: 'None' },
              ],
            },
          ],
        },
        service: 's',
        app_things: 3,
        app_took_seconds: 0.5,
        app_read_bytes_total: 10,
        app_hit_ratio: 0.1,
      },
      expect.objectContaining({ service: 's', kind: 'a', app_things: 4 }),
    ]);
  });

  test('what CloudWatch would not take is left out and counted, and nothing else with it', () => {
    const samples = [
      { value: Number.NaN },
      { value: Number.POSITIVE_INFINITY },
      { value: 1e200 },
      { labels: { kind: '' }, value: 1 },
      { labels: { kind: 'é' }, value: 1 },
      { labels: { kind: 'x'.repeat(1_025) }, value: 1 },
      { labels: { app_things: 'own name' }, value: 1 },
      { labels: { kind: 'twice' }, value: 1 },
      { labels: { kind: 'twice' }, value: 2 },
    ];
    const { lines, leftOutCount } = embeddedMetrics([family(samples)], options);
    expect(leftOutCount).toBe(8);
    expect(lines.map((line) => (JSON.parse(line) as { app_things: number }).app_things)).toEqual([1]);
  });

  test('a line has at most 100 metrics', () => {
    const families = Array.from({ length: 250 }, (_, at) => family([{ value: at }], { name: `app_m${at}` }));
    const { lines } = embeddedMetrics(families, options);
    const sizes = lines.map((line) => {
      const { _aws } = JSON.parse(line) as { _aws: { CloudWatchMetrics: { Metrics: unknown[] }[] } };
      return _aws.CloudWatchMetrics[0]?.Metrics.length;
    });
    expect(sizes).toEqual([100, 100, 50]);
  });
});

testWith('promtool')('promtool takes hostile labels', async () => {
  const hostile = ['"', '\\', '\n', '\\n"', '} 1\napp_evil 1', '\u0000', '\ud800', '😀', ''];
  const text = prometheusText([family(hostile.map((of, at) => ({ labels: { at: `${at}`, of }, value: at })))]);
  expect(outputOf('promtool', ['check', 'metrics'], text)).toBe('');
});

testWith('promtool')('promtool takes what a Redis tells', async () => {
  const { families } = redisInfo(readFileSync(path.join(import.meta.dirname, 'fixtures/redis-7.0-info.txt'), 'utf8'));
  expect(outputOf('promtool', ['check', 'metrics'], prometheusText(families))).toBe('');
});

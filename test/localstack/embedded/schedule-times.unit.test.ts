import { parseSchedule } from '#event-sources/schedule-expression';
import { scheduleTimes } from '../../../localstack/embedded/schedule-times.ts';

const NEW_YEAR_MS = Date.parse('2026-01-01T00:00:00Z');

const times = (expression: string, count: number, timezone?: string): readonly string[] => {
  const next = scheduleTimes(parseSchedule(expression), {
    startAtMs: NEW_YEAR_MS,
    ...(timezone === undefined ? {} : { timezone }),
  });
  const found: string[] = [];
  let atMs: number | undefined = NEW_YEAR_MS;
  while (found.length < count && (atMs = next(atMs)) !== undefined)
    found.push(new Date(atMs).toISOString().slice(0, 16));
  return found;
};

test.each([
  ['rate(90 minutes)', ['2026-01-01T01:30', '2026-01-01T03:00']],
  ['cron(0/20 8 ? * MON-FRI *)', ['2026-01-01T08:00', '2026-01-01T08:20']],
  ['cron(0 8 1 * ? *)', ['2026-01-01T08:00', '2026-02-01T08:00']],
  // 1 is Sunday, as AWS counts, and nobody else.
  ['cron(0 8 ? * 1 *)', ['2026-01-04T08:00', '2026-01-11T08:00']],
  ['cron(0 8 ? * 2#1 *)', ['2026-01-05T08:00', '2026-02-02T08:00']],
  ['cron(0 8 ? * 6L *)', ['2026-01-30T08:00', '2026-02-27T08:00']],
  ['cron(0 8 L * ? *)', ['2026-01-31T08:00', '2026-02-28T08:00']],
  ['cron(0 8 3W * ? *)', ['2026-01-02T08:00', '2026-02-03T08:00']],
  ['cron(0 0 1 1 ? 2030/5)', ['2030-01-01T00:00', '2035-01-01T00:00']],
])('%s', (expression, expected) => {
  expect(times(expression, 2)).toEqual(expected);
});

test('a one-time schedule comes once, and one that is over never', () => {
  expect(times('at(2026-06-01T12:00:00)', 2)).toEqual(['2026-06-01T12:00']);
  expect(times('at(2025-06-01T12:00:00)', 2)).toEqual([]);
});

test('times are read in the timezone, in summer and in winter', () => {
  expect(times('at(2026-06-01T12:00:00)', 1, 'Europe/Berlin')).toEqual(['2026-06-01T10:00']);
  expect(times('cron(0 12 1 1,7 ? *)', 2, 'Europe/Berlin')).toEqual(['2026-01-01T11:00', '2026-07-01T10:00']);
});

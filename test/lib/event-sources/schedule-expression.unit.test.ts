import { InvalidScheduleError, parseSchedule } from '#event-sources/schedule-expression';

test.each([
  ['rate(1 minute)', 60_000],
  ['rate(5 minutes)', 300_000],
  ['rate(1 hour)', 3_600_000],
  ['rate(2 days)', 172_800_000],
])('%s comes every %d ms', (expression, everyMs) => {
  expect(parseSchedule(expression)).toEqual({ kind: 'rate', everyMs });
});

test.each([
  ['cron(0 10 * * ? *)', '0 10 * * ? *'],
  ['cron(0/15 * * * ? *)', '0-59/15 * * * ? *'],
  ['cron(0 18 ? * MON-FRI *)', '0 18 ? * 2-6 *'],
  ['cron(0 8 1/10 jan,JUL ? 2026/2)', '0 8 1-31/10 1,7 ? 2026-2199/2'],
  ['cron(0 9 ? * 2#1 *)', '0 9 ? * 2#1 *'],
  ['cron(0 9 ? * FRIL *)', '0 9 ? * 6L *'],
  ['cron(0 9 ? * L *)', '0 9 ? * 7 *'],
  ['cron(0 9 LW * ? *)', '0 9 LW * ? *'],
])('%s is read as AWS reads it', (expression, fields) => {
  expect(parseSchedule(expression)).toEqual({ kind: 'cron', fields: fields.split(' ') });
});

test('at(…) is a wall-clock time', () => {
  expect(parseSchedule('at(2026-11-20T13:00:00)')).toEqual({ kind: 'at', localTime: '2026-11-20T13:00:00' });
});

test.each([
  'rate(1 minutes)',
  'rate(5 minute)',
  'rate(0 minutes)',
  'rate(1.5 hours)',
  'rate(5 seconds)',
  'cron(0 10 * * *)',
  'cron(0 10 * * * *)',
  'cron(0 10 ? * ? *)',
  'cron(60 10 * * ? *)',
  'cron(0 24 * * ? *)',
  'cron(0 10 0 * ? *)',
  'cron(0 10 ? * 0 *)',
  'cron(0 10 ? * 8 *)',
  'cron(0 10 ? * 6-2 *)',
  'cron(0 10 *,? * ? *)',
  'cron(0 10 * * ? 1969)',
  'at(2026-02-30T00:00:00)',
  'at(2026-02-03)',
  'every minute',
])('%s is refused', (expression) => {
  expect(() => parseSchedule(expression)).toThrow(InvalidScheduleError);
});

test('rules know no at(…), and the message says what they know', () => {
  expect(() => parseSchedule('at(2026-11-20T13:00:00)', ['rate', 'cron'])).toThrow('rate(…) or cron(…)');
});

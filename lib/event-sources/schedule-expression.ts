import { PatternError } from '#primitives/errors';

/** When a schedule fires, as its expression says. */
export type ScheduleExpression =
  /** At fixed distances from its start. */
  | { readonly kind: 'rate'; readonly everyMs: number }
  /** Minutes, hours, day of month, month, day of week (1 is Sunday), year; each step has its range written out. */
  | { readonly kind: 'cron'; readonly fields: readonly string[] }
  /** Once, at a wall-clock time `yyyy-mm-ddThh:mm:ss`. */
  | { readonly kind: 'at'; readonly localTime: string };

/** The expression is not one that EventBridge accepts. */
export class InvalidScheduleError extends PatternError {
  constructor(expected: string, got: string) {
    super(
      'event-sources/invalid-schedule',
      `Expected 'ScheduleExpression' to be ${expected}, got ${JSON.stringify(got)}.`,
    );
  }
}

const UNIT_MS: Readonly<Record<string, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

/** One is singular, more are plural: AWS refuses the rest. */
const parseRate = (text: string, whole: string): ScheduleExpression => {
  const [, digits = '', unit = '', plural] = /^([1-9]\d{0,5}) (minute|hour|day)(s?)$/.exec(text) ?? [];
  const count = Number(digits);
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined || (plural === 's') !== count > 1)
    throw new InvalidScheduleError(
      "rate(1 minute | hour | day) or rate(n minutes | hours | days) with 'n' over 1",
      whole,
    );
  return { kind: 'rate', everyMs: count * unitMs };
};

interface Field {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
  /** Forms beside numbers, ranges, steps and stars. */
  readonly special: RegExp;
}

const NONE = /^$/u;
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html#eb-cron-expressions */
const FIELDS: readonly Field[] = [
  { name: 'minutes', min: 0, max: 59, names: [], special: NONE },
  { name: 'hours', min: 0, max: 23, names: [], special: NONE },
  { name: 'day of month', min: 1, max: 31, names: [], special: /^(?:\?|L|LW|(?:[1-9]|[12]\d|3[01])W)$/u },
  { name: 'month', min: 1, max: 12, names: MONTHS, special: NONE },
  { name: 'day of week', min: 1, max: 7, names: DAYS, special: /^(?:\?|L|[1-7]L|[1-7]#[1-5])$/u },
  { name: 'year', min: 1970, max: 2199, names: [], special: NONE },
];

const numbered = (text: string, { names, min }: Field): string =>
  names.reduce((done, name, index) => done.replaceAll(name, String(index + min)), text.toUpperCase());

/** One entry of a field's list, its steps with both ends: `0/15` is `0-59/15`. Undefined when it is not allowed. */
const entryOf = (text: string, field: Field): string | undefined => {
  const entry = numbered(text, field);
  // The last day of a week is its Saturday.
  if (field.special.test(entry)) return field.names === DAYS && entry === 'L' ? '7' : entry;
  const [, from = '', to, step] = /^(\*|\d{1,4})(?:-(\d{1,4}))?(?:\/([1-9]\d{0,3}))?$/.exec(entry) ?? [];
  if (from === '' || (from === '*' && to !== undefined)) return undefined;
  const low = from === '*' ? field.min : Number(from);
  const high = to === undefined ? (from === '*' || step !== undefined ? field.max : low) : Number(to);
  if (low < field.min || high > field.max || low > high) return undefined;
  if (from === '*' && step === undefined) return '*';
  return `${low === high ? low : `${low}-${high}`}${step === undefined || low === high ? '' : `/${step}`}`;
};

const parseCron = (text: string, whole: string): ScheduleExpression => {
  const given = text.split(/\s+/u);
  if (given.length !== FIELDS.length)
    throw new InvalidScheduleError('cron(minutes hours day-of-month month day-of-week year)', whole);
  const fields = FIELDS.map((field, index) => {
    const entries = (given[index] ?? '').split(',').map((entry) => entryOf(entry, field));
    if (entries.includes(undefined) || (entries.length > 1 && entries.includes('?')))
      throw new InvalidScheduleError(`a cron expression with a ${field.name} that AWS knows`, whole);
    return entries.join(',');
  });
  if ((fields[2] === '?') === (fields[4] === '?'))
    throw new InvalidScheduleError("a cron expression with '?' as either day of month or day of week", whole);
  return { kind: 'cron', fields };
};

const parseAt = (text: string, whole: string): ScheduleExpression => {
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/u.test(text) && !Number.isNaN(Date.parse(`${text}Z`));
  // A day that the month does not have is not taken for one of the next.
  if (!isTime || new Date(`${text}Z`).toISOString().slice(0, 19) !== text)
    throw new InvalidScheduleError('at(yyyy-mm-ddThh:mm:ss)', whole);
  return { kind: 'at', localTime: text };
};

const PARSERS: Readonly<Record<string, (text: string, whole: string) => ScheduleExpression>> = {
  rate: parseRate,
  cron: parseCron,
  at: parseAt,
};

/**
 * Reads `rate(…)`, `cron(…)` or `at(…)`.
 *
 * @param kinds Those that are allowed: rules know no `at`.
 * @throws {@link InvalidScheduleError} for what EventBridge would refuse.
 * @see https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
 */
export const parseSchedule = (
  expression: string,
  kinds: readonly ScheduleExpression['kind'][] = ['rate', 'cron', 'at'],
): ScheduleExpression => {
  const [, kind = '', text = ''] = /^(rate|cron|at)\((.*)\)$/u.exec(expression) ?? [];
  const parse = kinds.some((each) => each === kind) ? PARSERS[kind] : undefined;
  if (parse === undefined) throw new InvalidScheduleError(kinds.map((each) => `${each}(…)`).join(' or '), expression);
  return parse(text, expression);
};

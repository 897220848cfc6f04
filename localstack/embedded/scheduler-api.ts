import { errorAnswer, jsonAnswer } from './answers.ts';
import { isJsonObject, jsonOf, type Answer, type Call } from './call.ts';
import { invalid, pageOf, Refused } from './refusal.ts';
import { checkedSchedule, type ScheduleInput } from './schedule-input.ts';
import { scheduleRuns, type ScheduleRunsOptions, type StoredSchedule } from './schedule-runs.ts';

/** Every account has it; others are not kept here. */
const GROUP = 'default';
const MAX_SCHEDULES = 10_000;
const MS_PER_S = 1_000;

const missing = (name: string): Refused =>
  new Refused('ResourceNotFoundException', `Schedule ${name} does not exist.`, 404);

const checkGroup = (group: string | null | undefined): void => {
  if (group !== undefined && group !== null && group !== GROUP)
    throw new Refused('ResourceNotFoundException', `Schedule group ${group} does not exist.`, 404);
};

type Request = { readonly name: string; readonly query: URLSearchParams; readonly body: unknown };
type Operation = (request: Request) => Readonly<Record<string, unknown>>;

const operations = (options: SchedulerApiOptions): Readonly<Record<string, Operation>> => {
  const { clock } = options;
  const schedules = new Map<string, StoredSchedule>();
  const runs = scheduleRuns({ ...options, forget: (name) => void schedules.delete(name) });
  const arnOf = (name: string): string =>
    `arn:aws:scheduler:${options.region}:${options.accountId}:schedule/${GROUP}/${name}`;
  const found = (name: string): StoredSchedule => {
    const stored = schedules.get(name);
    if (stored === undefined) throw missing(name);
    return stored;
  };
  const put = (name: string, input: ScheduleInput, createdAtMs: number) => {
    checkGroup(input.GroupName);
    const stored = { name, arn: arnOf(name), input, createdAtMs, changedAtMs: clock.nowMs() };
    schedules.set(name, stored);
    runs.start(stored);
    return { ScheduleArn: stored.arn };
  };
  const dates = ({ createdAtMs, changedAtMs }: StoredSchedule) => ({
    CreationDate: createdAtMs / MS_PER_S,
    LastModificationDate: changedAtMs / MS_PER_S,
  });
  return {
    POST: ({ name, body }) => {
      const input = checkedSchedule(name, body);
      if (schedules.has(name)) throw new Refused('ConflictException', `Schedule ${name} already exists.`, 409);
      if (schedules.size >= MAX_SCHEDULES)
        throw new Refused('ServiceQuotaExceededException', `There are ${MAX_SCHEDULES} schedules already.`, 402);
      return put(name, input, clock.nowMs());
    },
    PUT: ({ name, body }) => {
      const input = checkedSchedule(name, body);
      return put(name, input, found(name).createdAtMs);
    },
    GET: ({ name, query }) => {
      checkGroup(query.get('groupName'));
      const stored = found(name);
      const { ClientToken: _, ScheduleExpressionTimezone = 'UTC', ...input } = stored.input;
      return { ...input, Name: name, Arn: stored.arn, GroupName: GROUP, ScheduleExpressionTimezone, ...dates(stored) };
    },
    DELETE: ({ name, query }) => {
      checkGroup(query.get('groupName'));
      found(name);
      schedules.delete(name);
      runs.stop(name);
      return {};
    },
    LIST: ({ query }) => {
      checkGroup(query.get('ScheduleGroup'));
      const matching = [...schedules.values()]
        .filter(({ name, input }) => {
          return name.startsWith(query.get('NamePrefix') ?? '') && input.State === (query.get('State') ?? input.State);
        })
        .toSorted((a, b) => (a.name < b.name ? -1 : 1));
      const limit = Number(query.get('MaxResults') ?? 100);
      if (!(limit >= 1 && limit <= 100)) throw invalid('Expected MaxResults to be from 1 to 100.');
      const { page, next } = pageOf(matching, { limit, token: query.get('NextToken') ?? undefined });
      const Schedules = page.map((stored) => ({
        Name: stored.name,
        Arn: stored.arn,
        GroupName: GROUP,
        State: stored.input.State,
        Target: { Arn: stored.input.Target.Arn },
        ...dates(stored),
      }));
      return { Schedules, ...next };
    },
  };
};

export type SchedulerApiOptions = Omit<ScheduleRunsOptions, 'forget'>;

/**
 * The API of EventBridge Scheduler, for schedules of the default group whose targets are queues and functions. What is
 * not served is refused by its name.
 *
 * @see https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
 */
export const schedulerApi = (options: SchedulerApiOptions): ((call: Call) => Answer) => {
  const known = operations(options);
  return (call) => {
    try {
      const { pathname, searchParams: query } = new URL(call.url, 'http://localhost');
      const [, name] = /^\/schedules(?:\/([^/]*))?$/u.exec(pathname) ?? [];
      const isList = call.method === 'GET' && pathname === '/schedules';
      const operation = isList ? known['LIST'] : name === undefined ? undefined : known[call.method];
      if (operation === undefined)
        throw new Refused('UnknownOperationException', `${call.method} ${pathname} is not served here.`, 404);
      const body = jsonOf(call.body);
      if (!isJsonObject(body)) throw invalid('The body is not a JSON object.');
      return jsonAnswer('scheduler', 200, operation({ name: decodeURIComponent(name ?? ''), query, body }));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return errorAnswer('scheduler', { status: error.status, code: error.code, message: error.message });
    }
  };
};

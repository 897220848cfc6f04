import * as v from 'valibot';
import { errorAnswer, jsonAnswer } from './answers.ts';
import { busNameOf, DEFAULT_BUS, type EventBuses, type PutEntry } from './bus.ts';
import type { BusRules, StoredRule, Target } from './bus-rules.ts';
import { isJsonObject, jsonOf, type Answer, type Call } from './call.ts';

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MAX_ENTRIES = 10;
const MAX_PUT_BYTES = 1_048_576;
const MAX_BUSES = 100;
const MAX_RULES = 300;
const MAX_TARGETS = 5;
const TIME_BYTES = 14;

const text = v.string();
const optionalText = v.optional(text);
const name = v.pipe(v.string(), v.regex(/^[\w./-]{1,256}$/));
const ruleName = v.pipe(v.string(), v.regex(/^[\w.-]{1,64}$/));
const eventBus = v.optional(v.string());

const schemas = {
  PutEvents: v.looseObject({
    Entries: v.array(
      v.looseObject({
        Source: optionalText,
        DetailType: optionalText,
        Detail: optionalText,
        EventBusName: optionalText,
        Resources: v.optional(v.array(text)),
        Time: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(253_402_300_799))),
        TraceHeader: optionalText,
      }),
    ),
  }),
  busName: v.looseObject({ Name: name }),
  optionalName: v.looseObject({ Name: optionalText }),
  prefix: v.looseObject({ NamePrefix: optionalText, EventBusName: eventBus }),
  rule: v.looseObject({ Name: ruleName, EventBusName: eventBus }),
  PutRule: v.looseObject({
    Name: ruleName,
    EventBusName: eventBus,
    EventPattern: optionalText,
    ScheduleExpression: optionalText,
    State: v.optional(v.picklist(['ENABLED', 'DISABLED'])),
    Description: optionalText,
    RoleArn: optionalText,
  }),
  targets: v.looseObject({
    Rule: ruleName,
    EventBusName: eventBus,
    Targets: v.optional(v.pipe(v.array(v.looseObject({ Id: text, Arn: text })), v.maxLength(100))),
    Ids: v.optional(v.pipe(v.array(text), v.maxLength(100))),
  }),
};

/** What AWS refuses; becomes an answer. */
class Refused extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
const notFound = (what: string): Refused => new Refused('ResourceNotFoundException', `${what} does not exist.`);

const parse = <Schema extends v.GenericSchema>(schema: Schema, body: unknown): v.InferOutput<Schema> => {
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  const { path, message } = parsed.issues[0];
  const field = path?.map(({ key }) => String(key)).join('.') ?? 'the body';
  throw new Refused('ValidationException', `1 validation error detected: '${field}': ${message}`);
};

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
const bytesOf = (entry: PutEntry): number =>
  (entry.Time === undefined ? 0 : TIME_BYTES) +
  [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])].reduce(
    (sum, each) => sum + Buffer.byteLength(each ?? ''),
    0,
  );

export interface BusApiOptions {
  readonly buses: EventBuses;
  readonly rules: BusRules;
  readonly region: string;
  readonly accountId: string;
}

type Handler = (body: unknown) => Readonly<Record<string, unknown>>;

const busHandlers = ({ buses, rules, ...options }: BusApiOptions): Readonly<Record<string, Handler>> => {
  const described = (bus: string) => ({
    Name: bus,
    Arn: `arn:aws:events:${options.region}:${options.accountId}:event-bus/${bus}`,
  });
  return {
    PutEvents: (body) => {
      const { Entries } = parse(schemas.PutEvents, body);
      if (Entries.length === 0 || Entries.length > MAX_ENTRIES)
        throw new Refused(
          'ValidationException',
          `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length from 1 to ${MAX_ENTRIES}`,
        );
      if (Entries.reduce((sum, entry) => sum + bytesOf(entry), 0) > MAX_PUT_BYTES)
        throw new Refused('ValidationException', 'Total size of the entries in the request is over the limit.');
      const results = buses.put(Entries);
      return { FailedEntryCount: results.filter((result) => 'ErrorCode' in result).length, Entries: results };
    },
    CreateEventBus: (body) => {
      const { Name } = parse(schemas.busName, body);
      if (buses.names().length >= MAX_BUSES)
        throw new Refused('LimitExceededException', `There are ${MAX_BUSES} event buses already.`);
      if (!buses.create(Name)) throw new Refused('ResourceAlreadyExistsException', `Event bus ${Name} already exists.`);
      return { EventBusArn: described(Name).Arn };
    },
    DeleteEventBus: (body) => {
      const { Name } = parse(schemas.busName, body);
      if (Name === DEFAULT_BUS) throw new Refused('ValidationException', `Cannot delete event bus ${DEFAULT_BUS}.`);
      if (rules.list(Name).length > 0)
        throw new Refused('ValidationException', "Event bus can't be deleted since it has rules.");
      buses.delete(Name);
      return {};
    },
    DescribeEventBus: (body) => {
      const found = busNameOf(parse(schemas.optionalName, body).Name);
      if (!buses.has(found)) throw notFound(`Event bus ${found}`);
      return described(found);
    },
    ListEventBuses: (body) => {
      const { NamePrefix = '' } = parse(schemas.prefix, body);
      return {
        EventBuses: buses
          .names()
          .filter((each) => each.startsWith(NamePrefix))
          .map(described),
      };
    },
  };
};

const ruleHandlers = ({ buses, rules, ...options }: BusApiOptions): Readonly<Record<string, Handler>> => {
  const arnOf = (busName: string, rule: string): string =>
    `arn:aws:events:${options.region}:${options.accountId}:rule/${busName === DEFAULT_BUS ? '' : `${busName}/`}${rule}`;
  const described = ({ rule }: StoredRule) => ({ ...rule, Arn: arnOf(rule.EventBusName, rule.Name) });
  const busOf = (given: string | undefined): string => {
    const found = busNameOf(given);
    if (!buses.has(found)) throw notFound(`Event bus ${found}`);
    return found;
  };
  const ruleOf = (given: string | undefined, rule: string): StoredRule => {
    const busName = busOf(given);
    const stored = rules.get(busName, rule);
    if (stored === undefined) throw notFound(`Rule ${rule} on EventBus ${busName}`);
    return stored;
  };
  const setState = (body: unknown, State: 'ENABLED' | 'DISABLED') => {
    const given = parse(schemas.rule, body);
    rules.put({ ...ruleOf(given.EventBusName, given.Name).rule, State });
    return {};
  };
  return {
    PutRule: (body) => {
      const {
        Name,
        EventBusName,
        EventPattern,
        ScheduleExpression,
        State = 'ENABLED',
        Description,
        RoleArn,
      } = parse(schemas.PutRule, body);
      const busName = busOf(EventBusName);
      if (EventPattern === undefined && ScheduleExpression === undefined)
        throw new Refused('ValidationException', 'Parameter(s) EventPattern or ScheduleExpression must be specified.');
      if (EventPattern !== undefined && !isJsonObject(jsonOf(EventPattern)))
        throw new Refused(
          'InvalidEventPatternException',
          'Event pattern is not valid. Reason: Filter is not an object',
        );
      if (rules.get(busName, Name) === undefined && rules.list(busName).length >= MAX_RULES)
        throw new Refused('LimitExceededException', `There are ${MAX_RULES} rules on ${busName} already.`);
      rules.put({ Name, EventBusName: busName, State, EventPattern, ScheduleExpression, Description, RoleArn });
      return { RuleArn: arnOf(busName, Name) };
    },
    DescribeRule: (body) => {
      const given = parse(schemas.rule, body);
      return described(ruleOf(given.EventBusName, given.Name));
    },
    ListRules: (body) => {
      const { NamePrefix, EventBusName } = parse(schemas.prefix, body);
      return { Rules: rules.list(busOf(EventBusName), NamePrefix).map(described) };
    },
    EnableRule: (body) => setState(body, 'ENABLED'),
    DisableRule: (body) => setState(body, 'DISABLED'),
    DeleteRule: (body) => {
      const given = parse(schemas.rule, body);
      const busName = busOf(given.EventBusName);
      if ((rules.get(busName, given.Name)?.targets.size ?? 0) > 0)
        throw new Refused('ValidationException', "Rule can't be deleted since it has targets.");
      rules.delete(busName, given.Name);
      return {};
    },
    PutTargets: (body) => {
      const given = parse(schemas.targets, body);
      const { rule, targets } = ruleOf(given.EventBusName, given.Rule);
      const all = new Map<string, Target>([
        ...targets,
        ...(given.Targets ?? []).map((each) => [each.Id, each] as const),
      ]);
      if (all.size > MAX_TARGETS)
        throw new Refused('LimitExceededException', `A rule has at most ${MAX_TARGETS} targets.`);
      rules.setTargets(rule, all);
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    RemoveTargets: (body) => {
      const given = parse(schemas.targets, body);
      const { rule, targets } = ruleOf(given.EventBusName, given.Rule);
      const gone = new Set(given.Ids);
      rules.setTargets(rule, new Map([...targets].filter(([id]) => !gone.has(id))));
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    ListTargetsByRule: (body) => {
      const given = parse(schemas.targets, body);
      return { Targets: [...ruleOf(given.EventBusName, given.Rule).targets.values()] };
    },
  };
};

/**
 * EventBridge's API: events, buses, rules and targets. Rules are kept, not acted on.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
 */
export const busApi = (options: BusApiOptions): ((name: string, call: Call) => Answer) => {
  const handlers = new Map(Object.entries({ ...busHandlers(options), ...ruleHandlers(options) }));
  return (operation, call) => {
    const handler = handlers.get(operation);
    try {
      if (handler === undefined) throw new Refused('UnknownOperationException', `${operation} is not served here.`);
      const body = jsonOf(call.body);
      if (!isJsonObject(body)) throw new Refused('SerializationException', 'The body is not a JSON object.');
      return jsonAnswer('events', 200, handler(body));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return errorAnswer('events', { status: 400, code: error.code, message: error.message });
    }
  };
};

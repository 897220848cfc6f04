import * as v from 'valibot';
import { errorAnswer, jsonAnswer } from './answers.ts';
import { busNameOf, DEFAULT_BUS, type PutEntry } from './bus.ts';
import { isJsonObject, jsonOf, type Answer, type Call } from './call.ts';
import { invalid, pageOf, parse, Refused } from './refusal.ts';
import { matcherOf, ruleHandlers, targetHandlers, type ApiHandlers, type RulesApiOptions } from './rules-api.ts';

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MAX_ENTRIES = 10;
const MAX_PUT_BYTES = 1_048_576;
const MAX_BUSES = 100;
const TIME_BYTES = 14;

const text = v.string();
const optionalText = v.optional(text);
const name = v.pipe(v.string(), v.regex(/^[\w./-]{1,256}$/));

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
  ListEventBuses: v.looseObject({
    NamePrefix: optionalText,
    Limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100))),
    NextToken: optionalText,
  }),
  TestEventPattern: v.looseObject({ Event: text, EventPattern: v.pipe(text, v.maxLength(4_096)) }),
};

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html#eb-putevent-size */
const bytesOf = (entry: PutEntry): number =>
  (entry.Time === undefined ? 0 : TIME_BYTES) +
  [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])].reduce(
    (sum, each) => sum + Buffer.byteLength(each ?? ''),
    0,
  );

/** What an event must have to be tested. @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html */
const MANDATORY = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type'];

const testEventPattern = (body: unknown) => {
  const { Event, EventPattern } = parse(schemas.TestEventPattern, body);
  const matches = matcherOf(EventPattern);
  const event = jsonOf(Event);
  if (!isJsonObject(event)) throw invalid('Parameter Event is not valid. Reason: it is no JSON object.');
  const missing = MANDATORY.filter((field) => !Object.hasOwn(event, field));
  if (missing.length > 0) throw invalid(`Parameter Event is not valid. Reason: it has no ${missing.join(', ')}.`);
  return { Result: matches(event) };
};

const busHandlers = ({ buses, rules, ...options }: RulesApiOptions): ApiHandlers => {
  const described = (bus: string) => ({
    Name: bus,
    Arn: `arn:aws:events:${options.region}:${options.accountId}:event-bus/${bus}`,
  });
  return {
    PutEvents: (body) => {
      const { Entries } = parse(schemas.PutEvents, body);
      if (Entries.length === 0 || Entries.length > MAX_ENTRIES)
        throw invalid(
          `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length from 1 to ${MAX_ENTRIES}`,
        );
      if (Entries.reduce((sum, entry) => sum + bytesOf(entry), 0) > MAX_PUT_BYTES)
        throw invalid('Total size of the entries in the request is over the limit.');
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
    TestEventPattern: testEventPattern,
    DeleteEventBus: (body) => {
      const { Name } = parse(schemas.busName, body);
      if (Name === DEFAULT_BUS) throw invalid(`Cannot delete event bus ${DEFAULT_BUS}.`);
      if (rules.list(Name).length > 0) throw invalid("Event bus can't be deleted since it has rules.");
      buses.delete(Name);
      return {};
    },
    DescribeEventBus: (body) => {
      const found = busNameOf(parse(schemas.optionalName, body).Name);
      if (!buses.has(found)) throw new Refused('ResourceNotFoundException', `Event bus ${found} does not exist.`);
      return described(found);
    },
    ListEventBuses: (body) => {
      const { NamePrefix = '', Limit, NextToken } = parse(schemas.ListEventBuses, body);
      const names = buses.names().filter((each) => each.startsWith(NamePrefix));
      const { page, next } = pageOf(names, { limit: Limit, token: NextToken });
      return { EventBuses: page.map(described), ...next };
    },
  };
};

/**
 * EventBridge's API: events, buses, rules and targets. What is not served is refused by its name.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
 */
export const busApi = (options: RulesApiOptions): ((name: string, call: Call) => Answer) => {
  const handlers = new Map(
    Object.entries({ ...busHandlers(options), ...ruleHandlers(options), ...targetHandlers(options) }),
  );
  return (operation, call) => {
    const handler = handlers.get(operation);
    try {
      if (handler === undefined) throw new Refused('UnknownOperationException', `${operation} is not served here.`);
      const body = jsonOf(call.body);
      if (!isJsonObject(body)) throw new Refused('SerializationException', 'The body is not a JSON object.');
      return jsonAnswer('events', 200, handler(body));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return errorAnswer('events', { status: error.status, code: error.code, message: error.message });
    }
  };
};

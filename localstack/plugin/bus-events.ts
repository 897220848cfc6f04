import type { Json } from '#primitives/table';
import { StackError } from './errors.ts';
import { evaluate, type Scope } from './intrinsics.ts';
import { EVENT_BUS } from './resources/buses.ts';
import type { Clients } from './resources/clients.ts';
import { checkKeys, fittingName, pruneRules, RULE } from './resources/rules.ts';
import { pruneSchedules, SCHEDULE } from './resources/schedules.ts';
import { asText, type Made, type ResourceType, type Wanted } from './resources/type.ts';
import type { Service } from './service.ts';
import { isList, isObject, type JsonObject } from './template.ts';

/** A resource that an event of a function asks for. */
interface Asked {
  readonly type: ResourceType;
  readonly wanted: Wanted;
  /** A bus that is only named is made, as the framework does it. */
  readonly bus?: string;
}

interface Target {
  readonly name: string;
  readonly arn: string;
}

const EVENT_BRIDGE_PROPERTIES = [
  'eventBus',
  'schedule',
  'name',
  'description',
  'enabled',
  'pattern',
  'input',
  'inputPath',
  'inputTransformer',
  'retryPolicy',
  'deadLetterQueueArn',
];
const SCHEDULE_PROPERTIES = [
  'rate',
  'enabled',
  'name',
  'description',
  'input',
  'inputPath',
  'inputTransformer',
  'method',
  'roleArn',
  'groupName',
  'timezone',
];

/** Leaves out what was not said. */
const said = (properties: Readonly<Record<string, Json | undefined>>): JsonObject =>
  Object.fromEntries(
    Object.entries(properties).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );

const transformerOf = (value: Json | undefined): Json | undefined =>
  isObject(value) ? said({ InputPathsMap: value['inputPathsMap'], InputTemplate: value['inputTemplate'] }) : undefined;

const inputOf = (value: Json | undefined): string | undefined => (value === undefined ? undefined : asText(value));

const stateOf = (event: JsonObject): string => (event['enabled'] === false ? 'DISABLED' : 'ENABLED');

const eventBridgeRule = (event: JsonObject, target: Target, number: number, where: string): Asked => {
  checkKeys(event, EVENT_BRIDGE_PROPERTIES, where);
  const { eventBus, retryPolicy, deadLetterQueueArn } = event;
  const Name = fittingName(event['name'] === undefined ? `${target.name}-rule-${number}` : asText(event['name']));
  const bus = eventBus === undefined ? undefined : asText(eventBus);
  const properties = said({
    Name,
    EventBusName: bus,
    Description: event['description'],
    EventPattern: event['pattern'],
    ScheduleExpression: event['schedule'],
    State: stateOf(event),
    Targets: [
      said({
        Id: fittingName(`${Name}-target`),
        Arn: target.arn,
        Input: inputOf(event['input']),
        InputPath: event['inputPath'],
        InputTransformer: transformerOf(event['inputTransformer']),
        RetryPolicy: isObject(retryPolicy)
          ? said({
              MaximumEventAgeInSeconds: retryPolicy['maximumEventAge'],
              MaximumRetryAttempts: retryPolicy['maximumRetryAttempts'],
            })
          : undefined,
        DeadLetterConfig: deadLetterQueueArn === undefined ? undefined : { Arn: deadLetterQueueArn },
      }),
    ],
  });
  const isOwn = bus !== undefined && bus !== 'default' && !bus.startsWith('arn:');
  return { type: RULE, wanted: { where, properties, defaultName: Name }, ...(isOwn ? { bus } : {}) };
};

/** A schedule of EventBridge Scheduler, or a rule on the default bus: for each expression one. */
const schedules = (value: Json, target: Target, number: number, where: string): readonly Asked[] => {
  const event = isObject(value) ? value : { rate: [value] };
  checkKeys(event, SCHEDULE_PROPERTIES, where);
  const { rate, method = 'eventBus', input } = event;
  const expressions = isList(rate) ? rate : [rate ?? ''];
  return expressions.map((expression, index) => {
    const suffix = expressions.length === 1 ? String(number) : `${number}-${index + 1}`;
    const Name = fittingName(event['name'] === undefined ? `${target.name}-schedule-${suffix}` : asText(event['name']));
    const common = { Name, Description: event['description'], ScheduleExpression: expression, State: stateOf(event) };
    const place = { where, defaultName: Name };
    if (method === 'scheduler') {
      const properties = said({
        ...common,
        GroupName: event['groupName'],
        ScheduleExpressionTimezone: event['timezone'],
        FlexibleTimeWindow: { Mode: 'OFF' },
        Target: said({ Arn: target.arn, RoleArn: event['roleArn'] ?? target.arn, Input: inputOf(input) }),
      });
      return { type: SCHEDULE, wanted: { ...place, properties } };
    }
    const one = said({
      Id: fittingName(`${Name}-target`),
      Arn: target.arn,
      Input: inputOf(input),
      InputPath: event['inputPath'],
      InputTransformer: transformerOf(event['inputTransformer']),
    });
    return { type: RULE, wanted: { ...place, properties: said({ ...common, Targets: [one] }) } };
  });
};

/**
 * Takes the `schedule` and `eventBridge` events out of the functions, so that the function host does not serve them
 * too, and gives the resources that they ask for.
 */
const takeEvents = (service: Service, scope: Scope, arnOf: (name: string) => string): readonly Asked[] =>
  Object.entries(service.functions).flatMap(([key, definition]) => {
    const target = { name: definition.name, arn: arnOf(definition.name) };
    const asked = definition.events.flatMap((event, index): readonly Asked[] => {
      const where = `functions.${key}.events[${index}]`;
      const value = evaluate(
        { schedule: event['schedule'] ?? null, eventBridge: event['eventBridge'] ?? null },
        { scope, where },
      );
      if (!isObject(value)) return [];
      const { schedule, eventBridge } = value;
      if (schedule) return schedules(schedule, target, index + 1, `${where}.schedule`);
      if (!eventBridge) return [];
      if (!isObject(eventBridge)) throw new StackError(`${where}.eventBridge: expected an object.`);
      return [eventBridgeRule(eventBridge, target, index + 1, `${where}.eventBridge`)];
    });
    definition.events = definition.events.filter(
      (event) => event['schedule'] === undefined && event['eventBridge'] === undefined,
    );
    return asked;
  });

/**
 * Makes what the `schedule` and `eventBridge` events of the functions ask for, and removes the rules and schedules of
 * this stack that neither they nor the template want any more.
 *
 * @throws {@link StackError} that names the function and the event.
 */
export const syncBusEvents = async (options: {
  readonly service: Service;
  readonly scope: Scope;
  readonly stackName: string;
  /** What the template itself made. */
  readonly made: ReadonlyMap<string, Made>;
  readonly clients: Clients;
}): Promise<void> => {
  const { service, scope, stackName, clients } = options;
  const { region, accountId } = clients.place;
  const asked = takeEvents(service, scope, (name) => `arn:aws:lambda:${region}:${accountId}:function:${name}`);
  const wantedArns = new Set([...options.made.values()].flatMap(({ attributes }) => attributes['Arn'] ?? []));
  for (const { type, wanted, bus } of asked) {
    try {
      if (bus !== undefined) await EVENT_BUS.make({ ...wanted, properties: { Name: bus } }, clients);
      const { attributes } = await type.make(wanted, clients);
      if (attributes['Arn'] !== undefined) wantedArns.add(attributes['Arn']);
    } catch (error) {
      const message = error instanceof Error ? error.message || error.name : String(error);
      throw message.startsWith(wanted.where) ? error : new StackError(`${wanted.where}: ${message}`);
    }
  }
  await pruneRules(await clients.events(), `${stackName}-`, wantedArns);
  await pruneSchedules(await clients.scheduler(), `${stackName}-`, wantedArns);
};

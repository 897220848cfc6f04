import { createHash } from 'node:crypto';
import type { EventBridgeClient, PutTargetsCommandInput } from '@aws-sdk/client-eventbridge';
import type { Json } from '#primitives/table';
import { StackError } from '../errors.ts';
import { isList, isObject, type JsonObject } from '../template.ts';
import { asText, optionalText, type ResourceType, type Wanted } from './type.ts';

const MAX_NAME_CHARS = 64;
/** Targets of a rule, on AWS at most five. */
const MAX_TARGETS = 100;
const TARGET_PROPERTIES = [
  'Id',
  'Arn',
  'RoleArn',
  'Input',
  'InputPath',
  'InputTransformer',
  'SqsParameters',
  'DeadLetterConfig',
  'RetryPolicy',
];

/** A name that rules and schedules may have; what is too long is cut, and stays unique. */
export const fittingName = (name: string): string =>
  name.length <= MAX_NAME_CHARS
    ? name
    : `${name.slice(0, MAX_NAME_CHARS - 17)}-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;

/** A template may write numbers as text. */
export const withNumbers = (policy: Json | undefined): Json | undefined =>
  isObject(policy)
    ? Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, Number(asText(value))]))
    : policy;

/** @throws {@link StackError} for a property that the client would leave out silently. */
export const checkKeys = (value: JsonObject, known: readonly string[], where: string): void => {
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new StackError(`${where}: '${unknown.join("', '")}' is not known here. Known: ${known.join(', ')}.`);
};

const targetsOf = ({ where, properties }: Wanted): readonly JsonObject[] => {
  const { Targets = [] } = properties;
  if (!isList(Targets)) throw new StackError(`${where}: expected 'Targets' to be a list.`);
  return Targets.map((target, index) => {
    const at = `${where}.Targets[${index}]`;
    if (!isObject(target)) throw new StackError(`${at}: expected an object, got ${JSON.stringify(target)}.`);
    checkKeys(target, TARGET_PROPERTIES, at);
    const RetryPolicy = withNumbers(target['RetryPolicy']);
    return { ...target, ...(RetryPolicy === undefined ? {} : { RetryPolicy }) };
  });
};

/** Brings the targets of the rule to exactly the wanted ones. */
const putTargets = async (
  client: EventBridgeClient,
  rule: { readonly Rule: string; readonly EventBusName?: string },
  wanted: Wanted,
): Promise<void> => {
  const { ListTargetsByRuleCommand, PutTargetsCommand, RemoveTargetsCommand } =
    await import('@aws-sdk/client-eventbridge');
  const targets = targetsOf(wanted);
  const { Targets: existing = [] } = await client.send(new ListTargetsByRuleCommand({ ...rule, Limit: MAX_TARGETS }));
  const ids = targets.map(({ Id }) => Id);
  const gone = existing.flatMap(({ Id }) => (Id === undefined || ids.includes(Id) ? [] : [Id]));
  if (gone.length > 0) await client.send(new RemoveTargetsCommand({ ...rule, Ids: gone }));
  if (targets.length === 0) return;
  const list: object = targets;
  const { FailedEntries = [] } = await client.send(
    new PutTargetsCommand({ ...rule, Targets: list as NonNullable<PutTargetsCommandInput['Targets']> }),
  );
  const [failed] = FailedEntries;
  if (failed !== undefined)
    throw new StackError(`${wanted.where}: target '${failed.TargetId}': ${failed.ErrorMessage}`);
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html */
export const RULE: ResourceType = {
  handled: ['Name', 'Description', 'EventBusName', 'EventPattern', 'ScheduleExpression', 'State', 'Targets'],
  withoutMeaning: { RoleArn: 'nothing checks permissions on one machine', Tags: 'nothing reads them' },
  make: async (wanted, { events }) => {
    const { PutRuleCommand } = await import('@aws-sdk/client-eventbridge');
    const client = await events();
    const { properties } = wanted;
    const name = fittingName(optionalText(properties, 'Name') ?? wanted.defaultName);
    const bus = optionalText(properties, 'EventBusName');
    const on = bus === undefined ? {} : { EventBusName: bus };
    const { EventPattern } = properties;
    const { RuleArn = '' } = await client.send(
      new PutRuleCommand({
        Name: name,
        ...on,
        ...(EventPattern === undefined ? {} : { EventPattern: asText(EventPattern) }),
        ScheduleExpression: optionalText(properties, 'ScheduleExpression'),
        Description: optionalText(properties, 'Description'),
        State: optionalText(properties, 'State') === 'DISABLED' ? 'DISABLED' : 'ENABLED',
      }),
    );
    await putTargets(client, { Rule: name, ...on }, wanted);
    // On a bus of its own, CloudFormation names it by both.
    const busName = bus?.slice(bus.lastIndexOf('/') + 1) ?? 'default';
    return { ref: busName === 'default' ? name : `${busName}|${name}`, attributes: { Arn: RuleArn } };
  },
};

/**
 * Removes the rules of this stack that are no longer wanted: they would go on acting.
 *
 * @param prefix What the names of the stack's rules begin with. Others are left alone.
 */
export const pruneRules = async (
  client: EventBridgeClient,
  prefix: string,
  wantedArns: ReadonlySet<string>,
): Promise<void> => {
  const { DeleteRuleCommand, ListEventBusesCommand, ListRulesCommand, ListTargetsByRuleCommand, RemoveTargetsCommand } =
    await import('@aws-sdk/client-eventbridge');
  const { EventBuses = [] } = await client.send(new ListEventBusesCommand({ Limit: 100 }));
  for (const { Name: EventBusName = 'default' } of EventBuses) {
    const { Rules = [] } = await client.send(new ListRulesCommand({ EventBusName, NamePrefix: prefix, Limit: 100 }));
    for (const { Name = '', Arn = '' } of Rules) {
      if (wantedArns.has(Arn)) continue;
      const { Targets = [] } = await client.send(new ListTargetsByRuleCommand({ Rule: Name, EventBusName }));
      const Ids = Targets.flatMap(({ Id }) => Id ?? []);
      if (Ids.length > 0) await client.send(new RemoveTargetsCommand({ Rule: Name, EventBusName, Ids }));
      await client.send(new DeleteRuleCommand({ Name, EventBusName }));
    }
  }
};

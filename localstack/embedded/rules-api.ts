import * as v from 'valibot';
import { compilePattern, InvalidPatternError, type EventMatcher } from '#event-sources/pattern';
import { InvalidScheduleError, parseSchedule } from '#event-sources/schedule-expression';
import { busNameOf, DEFAULT_BUS, type EventBuses } from './bus.ts';
import type { BusRules, StoredRule } from './bus-rules.ts';
import { jsonOf } from './call.ts';
import { invalid, pageOf, parse, Refused } from './refusal.ts';
import { entryProblem, ruleTarget, targetSchema } from './rule-targets.ts';

/** @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MAX_RULES = 300;
const MAX_TARGETS = 5;
const MAX_ENTRIES = 100;
const MAX_PATTERN_CHARS = 4_096;

const text = v.string();
const ruleName = v.pipe(text, v.regex(/^[\w.-]{1,64}$/));
const paging = {
  Limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(100))),
  NextToken: v.optional(text),
};

const schemas = {
  rule: v.looseObject({ Name: ruleName, EventBusName: v.optional(text) }),
  PutRule: v.looseObject({
    Name: ruleName,
    EventBusName: v.optional(text),
    EventPattern: v.optional(v.pipe(text, v.maxLength(MAX_PATTERN_CHARS))),
    ScheduleExpression: v.optional(v.pipe(text, v.maxLength(256))),
    State: v.optional(v.picklist(['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'])),
    Description: v.optional(v.pipe(text, v.maxLength(512))),
    RoleArn: v.optional(text),
  }),
  ListRules: v.looseObject({ NamePrefix: v.optional(text), EventBusName: v.optional(text), ...paging }),
  byTarget: v.looseObject({ TargetArn: text, EventBusName: v.optional(text), ...paging }),
  PutTargets: v.looseObject({
    Rule: ruleName,
    EventBusName: v.optional(text),
    Targets: v.pipe(v.array(targetSchema), v.minLength(1), v.maxLength(MAX_ENTRIES)),
  }),
  RemoveTargets: v.looseObject({
    Rule: ruleName,
    EventBusName: v.optional(text),
    Ids: v.pipe(v.array(text), v.minLength(1), v.maxLength(MAX_ENTRIES)),
  }),
  targets: v.looseObject({ Rule: ruleName, EventBusName: v.optional(text), ...paging }),
};

/** @throws Refused as AWS refuses a pattern, with the reason. */
export const matcherOf = (pattern: string): EventMatcher => {
  try {
    return compilePattern(jsonOf(pattern));
  } catch (error) {
    if (!(error instanceof InvalidPatternError)) throw error;
    throw new Refused('InvalidEventPatternException', `Event pattern is not valid. Reason: ${error.message}`);
  }
};

const checkSchedule = (expression: string, busName: string): void => {
  if (busName !== DEFAULT_BUS) throw invalid('ScheduleExpression is supported only on the default event bus.');
  try {
    parseSchedule(expression, ['rate', 'cron']);
  } catch (error) {
    if (!(error instanceof InvalidScheduleError)) throw error;
    throw invalid(`Parameter ScheduleExpression is not valid. ${error.message}`);
  }
};

export interface RulesApiOptions {
  readonly buses: EventBuses;
  readonly rules: BusRules;
  readonly region: string;
  readonly accountId: string;
  /** Called after a rule changed, and with undefined after it was deleted. */
  readonly onChange: (bus: string, name: string, stored: StoredRule | undefined) => void;
}

export type ApiHandler = (body: unknown) => Readonly<Record<string, unknown>>;
export type ApiHandlers = Readonly<Record<string, ApiHandler>>;

interface Lookup {
  readonly busOf: (given: string | undefined) => string;
  readonly ruleOf: (given: string | undefined, rule: string) => StoredRule;
  readonly put: (stored: StoredRule) => void;
}

const lookup = ({ buses, rules, onChange }: RulesApiOptions): Lookup => {
  const busOf = (given: string | undefined): string => {
    const found = busNameOf(given);
    if (buses.has(found)) return found;
    throw new Refused('ResourceNotFoundException', `Event bus ${found} does not exist.`);
  };
  return {
    busOf,
    ruleOf: (given, rule) => {
      const busName = busOf(given);
      const stored = rules.get(busName, rule);
      if (stored !== undefined) return stored;
      throw new Refused('ResourceNotFoundException', `Rule ${rule} does not exist on EventBus ${busName}.`);
    },
    put: (stored) => {
      rules.put(stored);
      onChange(stored.rule.EventBusName, stored.rule.Name, stored);
    },
  };
};

/** PutRule, and what else makes, shows and removes rules. */
export const ruleHandlers = (options: RulesApiOptions): ApiHandlers => {
  const { rules, region, accountId } = options;
  const { busOf, ruleOf, put } = lookup(options);
  const arnOf = (busName: string, rule: string): string =>
    `arn:aws:events:${region}:${accountId}:rule/${busName === DEFAULT_BUS ? '' : `${busName}/`}${rule}`;
  const described = ({ rule, arn }: StoredRule) => ({ ...rule, Arn: arn });
  const setState = (body: unknown, State: 'ENABLED' | 'DISABLED') => {
    const given = parse(schemas.rule, body);
    const stored = ruleOf(given.EventBusName, given.Name);
    put({ ...stored, rule: { ...stored.rule, State } });
    return {};
  };
  return {
    PutRule: (body) => {
      const { Name, EventBusName, EventPattern, ScheduleExpression, ...given } = parse(schemas.PutRule, body);
      const { State = 'ENABLED', Description, RoleArn } = given;
      const busName = busOf(EventBusName);
      if (EventPattern === undefined && ScheduleExpression === undefined)
        throw invalid('Parameter(s) EventPattern or ScheduleExpression must be specified.');
      const matches = EventPattern === undefined ? undefined : matcherOf(EventPattern);
      if (ScheduleExpression !== undefined) checkSchedule(ScheduleExpression, busName);
      const before = rules.get(busName, Name);
      if (before === undefined && rules.list(busName).length >= MAX_RULES)
        throw new Refused('LimitExceededException', `There are ${MAX_RULES} rules on ${busName} already.`);
      const rule = { Name, EventBusName: busName, State, EventPattern, ScheduleExpression, Description, RoleArn };
      const arn = arnOf(busName, Name);
      put({ rule, arn, matches, targets: before?.targets ?? new Map() });
      return { RuleArn: arn };
    },
    DescribeRule: (body) => {
      const given = parse(schemas.rule, body);
      return described(ruleOf(given.EventBusName, given.Name));
    },
    ListRules: (body) => {
      const { NamePrefix, EventBusName, Limit, NextToken } = parse(schemas.ListRules, body);
      const { page, next } = pageOf(rules.list(busOf(EventBusName), NamePrefix), { limit: Limit, token: NextToken });
      return { Rules: page.map(described), ...next };
    },
    ListRuleNamesByTarget: (body) => {
      const { TargetArn, EventBusName, Limit, NextToken } = parse(schemas.byTarget, body);
      const names = rules
        .list(busOf(EventBusName))
        .filter(({ targets }) => [...targets.values()].some(({ given }) => given.Arn === TargetArn))
        .map(({ rule }) => rule.Name);
      const { page, next } = pageOf(names, { limit: Limit, token: NextToken });
      return { RuleNames: page, ...next };
    },
    EnableRule: (body) => setState(body, 'ENABLED'),
    DisableRule: (body) => setState(body, 'DISABLED'),
    DeleteRule: (body) => {
      const given = parse(schemas.rule, body);
      const busName = busOf(given.EventBusName);
      if ((rules.get(busName, given.Name)?.targets.size ?? 0) > 0)
        throw invalid("Rule can't be deleted since it has targets.");
      rules.delete(busName, given.Name);
      options.onChange(busName, given.Name, undefined);
      return {};
    },
  };
};

/** PutTargets, RemoveTargets, ListTargetsByRule. */
export const targetHandlers = (options: RulesApiOptions): ApiHandlers => {
  const { ruleOf, put } = lookup(options);
  return {
    PutTargets: (body) => {
      const { Rule, EventBusName, Targets } = parse(schemas.PutTargets, body);
      const stored = ruleOf(EventBusName, Rule);
      const problems = Targets.map((given) => [given, entryProblem(given)] as const);
      const good = problems.flatMap(([given, problem]) => (problem === undefined ? [ruleTarget(given)] : []));
      const targets = new Map([...stored.targets, ...good.map((target) => [target.given.Id, target] as const)]);
      if (targets.size > MAX_TARGETS)
        throw new Refused('LimitExceededException', 'The requested resource exceeds the maximum number allowed.');
      put({ ...stored, targets });
      const FailedEntries = problems.flatMap(([{ Id }, ErrorMessage]) =>
        ErrorMessage === undefined ? [] : [{ TargetId: Id, ErrorCode: 'ValidationException', ErrorMessage }],
      );
      return { FailedEntryCount: FailedEntries.length, FailedEntries };
    },
    RemoveTargets: (body) => {
      const { Rule, EventBusName, Ids } = parse(schemas.RemoveTargets, body);
      const stored = ruleOf(EventBusName, Rule);
      put({ ...stored, targets: new Map([...stored.targets].filter(([id]) => !Ids.includes(id))) });
      return { FailedEntryCount: 0, FailedEntries: [] };
    },
    ListTargetsByRule: (body) => {
      const { Rule, EventBusName, Limit, NextToken } = parse(schemas.targets, body);
      const all = [...ruleOf(EventBusName, Rule).targets.values()].map(({ given }) => given);
      const { page, next } = pageOf(all, { limit: Limit, token: NextToken });
      return { Targets: page, ...next };
    },
  };
};

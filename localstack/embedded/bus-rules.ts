import type { EventMatcher } from '#event-sources/pattern';
import type { RuleTarget } from './rule-targets.ts';

/** A rule as it was put. */
export interface Rule {
  readonly Name: string;
  readonly EventBusName: string;
  readonly State: 'ENABLED' | 'DISABLED' | 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS';
  readonly EventPattern?: string | undefined;
  readonly ScheduleExpression?: string | undefined;
  readonly Description?: string | undefined;
  readonly RoleArn?: string | undefined;
}

export interface StoredRule {
  readonly rule: Rule;
  readonly arn: string;
  /** Undefined when the rule has no pattern. */
  readonly matches: EventMatcher | undefined;
  /** By their ids. */
  readonly targets: ReadonlyMap<string, RuleTarget>;
}

export interface BusRules {
  get(bus: string, name: string): StoredRule | undefined;
  /** Ordered by name. */
  list(bus: string, prefix?: string): readonly StoredRule[];
  /** Makes or replaces a rule. */
  put(stored: StoredRule): void;
  delete(bus: string, name: string): void;
}

export const busRules = (): BusRules => {
  const buses = new Map<string, Map<string, StoredRule>>();
  return Object.freeze({
    get: (bus: string, name: string) => buses.get(bus)?.get(name),
    list: (bus: string, prefix = '') =>
      [...(buses.get(bus)?.values() ?? [])]
        .filter(({ rule }) => rule.Name.startsWith(prefix))
        .toSorted((a, b) => (a.rule.Name < b.rule.Name ? -1 : 1)),
    put: (stored: StoredRule) => {
      const { EventBusName, Name } = stored.rule;
      const rules = buses.get(EventBusName) ?? new Map<string, StoredRule>();
      buses.set(EventBusName, rules.set(Name, stored));
    },
    delete: (bus: string, name: string) => void buses.get(bus)?.delete(name),
  });
};

export const isEnabled = ({ rule }: StoredRule): boolean => rule.State !== 'DISABLED';

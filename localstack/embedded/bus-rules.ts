/** A rule as it was put. It is kept here; acting on it is for the event sources. */
export interface Rule {
  readonly Name: string;
  readonly EventBusName: string;
  readonly State: 'ENABLED' | 'DISABLED';
  readonly EventPattern?: string | undefined;
  readonly ScheduleExpression?: string | undefined;
  readonly Description?: string | undefined;
  readonly RoleArn?: string | undefined;
}

/** A target as it was put: at least an id and an ARN. */
export interface Target {
  readonly Id: string;
  readonly Arn: string;
  readonly [name: string]: unknown;
}

export interface StoredRule {
  readonly rule: Rule;
  readonly targets: ReadonlyMap<string, Target>;
}

export interface BusRules {
  get(bus: string, name: string): StoredRule | undefined;
  /** Ordered by name. */
  list(bus: string, prefix?: string): readonly StoredRule[];
  /** Makes or replaces a rule; its targets stay. */
  put(rule: Rule): void;
  setTargets(rule: Rule, targets: ReadonlyMap<string, Target>): void;
  delete(bus: string, name: string): void;
}

/** A name of a bus never holds a newline. */
const keyOf = (bus: string, name: string): string => `${bus}\n${name}`;

export const busRules = (): BusRules => {
  const rules = new Map<string, StoredRule>();
  const get = (bus: string, name: string): StoredRule | undefined => rules.get(keyOf(bus, name));
  return Object.freeze({
    get,
    list: (bus: string, prefix = '') =>
      [...rules.values()]
        .filter(({ rule }) => rule.EventBusName === bus && rule.Name.startsWith(prefix))
        .toSorted((a, b) => (a.rule.Name < b.rule.Name ? -1 : 1)),
    put: (rule: Rule) => {
      const targets = get(rule.EventBusName, rule.Name)?.targets ?? new Map<string, Target>();
      rules.set(keyOf(rule.EventBusName, rule.Name), { rule, targets });
    },
    setTargets: (rule: Rule, targets: ReadonlyMap<string, Target>) =>
      void rules.set(keyOf(rule.EventBusName, rule.Name), { rule, targets }),
    delete: (bus: string, name: string) => void rules.delete(keyOf(bus, name)),
  });
};

import type { Clock } from '#primitives/clock';
import { parseSchedule } from '#event-sources/schedule-expression';
import type { Alarms } from './alarms.ts';
import { isEnabled, type StoredRule } from './bus-rules.ts';
import { scheduleTimes } from './schedule-times.ts';

export interface RuleSchedules {
  /** Takes over how a rule is now; undefined when it is gone. A rule whose schedule did not change keeps its rhythm. */
  changed(bus: string, name: string, stored: StoredRule | undefined): void;
}

/** Fires the rules that have a schedule. A rate counts from when the rule was made, its first time is one period later. */
export const ruleSchedules = (options: {
  readonly alarms: Alarms;
  readonly clock: Clock;
  /** Gives the rule as it is now: its targets change without its rhythm. */
  readonly rule: (bus: string, name: string) => StoredRule | undefined;
  readonly fire: (stored: StoredRule, dueAtMs: number) => void;
}): RuleSchedules => {
  const { alarms, clock } = options;
  const running = new Map<string, string>();
  return Object.freeze({
    changed: (bus: string, name: string, stored: StoredRule | undefined) => {
      const key = `rule/${bus}/${name}`;
      const expression = stored !== undefined && isEnabled(stored) ? stored.rule.ScheduleExpression : undefined;
      if (running.get(key) === expression) return;
      running.delete(key);
      alarms.clear(key);
      if (expression === undefined) return;
      running.set(key, expression);
      const schedule = parseSchedule(expression, ['rate', 'cron']);
      alarms.set(key, {
        nextAtMs: scheduleTimes(schedule, { startAtMs: clock.nowMs() }),
        ring: (dueAtMs) => {
          const now = options.rule(bus, name);
          if (now !== undefined) options.fire(now, dueAtMs);
        },
      });
    },
  });
};

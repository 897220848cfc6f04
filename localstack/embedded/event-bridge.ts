import type { Clock } from '#primitives/clock';
import type { Log } from '#primitives/log';
import type { Random } from '#primitives/random';
import { startAlarms } from './alarms.ts';
import { eventBuses, eventTime, type AcceptedEvent, type EventBuses } from './bus.ts';
import { busApi } from './bus-api.ts';
import { busRules, isEnabled, type StoredRule } from './bus-rules.ts';
import type { Answer, Call } from './call.ts';
import { startDeliveries } from './deliveries.ts';
import { ruleDelivery } from './rule-delivery.ts';
import { ruleSchedules } from './rule-schedules.ts';
import { schedulerApi } from './scheduler-api.ts';
import type { TargetServices } from './targets.ts';

export interface EventBridgeOptions {
  readonly region: string;
  readonly accountId: string;
  readonly services: TargetServices;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface EventBridge {
  readonly buses: EventBuses;
  /** EventBridge's own API. */
  readonly events: (operation: string, call: Call) => Answer;
  /** The API of EventBridge Scheduler. */
  readonly scheduler: (call: Call) => Answer;
  /** Stops schedules, and forgets what waits for its target. */
  close(): void;
}

/**
 * Event buses whose rules act, and schedules, in this process: each accepted event goes at least once to every target
 * of every enabled rule that it matches, for as long as the process lives.
 */
export const startEventBridge = (options: EventBridgeOptions): EventBridge => {
  const { region, accountId, clock, random, log } = options;
  const rules = busRules();
  const deliveries = startDeliveries({ random, log });
  const alarms = startAlarms(() => clock.nowMs());

  const onTaken = (bus: string, event: AcceptedEvent, isForwarded: boolean): void => {
    const ingestionTime = new Date(clock.nowMs()).toISOString();
    for (const stored of rules.list(bus))
      if (isEnabled(stored) && stored.matches?.(event) === true) deliver(stored, { event, ingestionTime, isForwarded });
  };
  const onDropped = (bus: string): void => log.warn('an event was put on a bus that does not exist', { bus });
  const { hasRoom } = deliveries;
  const buses = eventBuses({ region, accountId, clock, random, onDropped, onTaken, hasRoom });
  const deliver = ruleDelivery({ deliveries, services: options.services, forward: buses.forward });

  const fire = (stored: StoredRule, dueAtMs: number): void => {
    const event: AcceptedEvent = {
      version: '0',
      id: random.uuid(),
      'detail-type': 'Scheduled Event',
      source: 'aws.events',
      account: accountId,
      time: eventTime(dueAtMs),
      region,
      resources: [stored.arn],
      detail: {},
    };
    deliver(stored, { event, ingestionTime: new Date(dueAtMs).toISOString(), isForwarded: false });
  };
  const schedules = ruleSchedules({ alarms, clock, rule: rules.get, fire });
  return Object.freeze({
    buses,
    events: busApi({ buses, rules, region, accountId, onChange: schedules.changed }),
    scheduler: schedulerApi({ ...options, alarms, deliveries }),
    close: () => {
      alarms.close();
      deliveries.close();
    },
  });
};

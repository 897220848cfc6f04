import { randomUUID } from 'node:crypto';
import { PutEventsCommand, PutRuleCommand, PutTargetsCommand, type Target } from '@aws-sdk/client-eventbridge';
import type { Message } from '@aws-sdk/client-sqs';
import type { ParityPlace, ParityQueue } from '../place.ts';
import { eventually } from '../wait.ts';

/** Who may invoke what; places without permissions only look at its form. */
export const ROLE = 'arn:aws:iam::000000000000:role/parity';

/** Without it AWS lets neither EventBridge nor its Scheduler send to a queue. */
const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Principal: { Service: 'events.amazonaws.com' }, Action: 'sqs:SendMessage', Resource: '*' },
  ],
});

export const busQueue = (place: ParityPlace, attributes: Readonly<Record<string, string>> = {}): Promise<ParityQueue> =>
  place.queue({ Policy: POLICY, ...attributes });

export interface RuleOptions {
  readonly pattern?: object;
  readonly schedule?: string;
  readonly bus?: string;
  readonly state?: 'ENABLED' | 'DISABLED';
  readonly targets: readonly Target[];
}

/** A rule with targets; gives its name and ARN. */
export const makeRule = async (
  { events }: ParityPlace,
  { pattern, schedule, bus, state = 'ENABLED', targets }: RuleOptions,
): Promise<{ readonly name: string; readonly arn: string }> => {
  const name = `parity-${randomUUID()}`;
  const on = bus === undefined ? {} : { EventBusName: bus };
  const { RuleArn = '' } = await events.send(
    new PutRuleCommand({
      Name: name,
      State: state,
      EventPattern: pattern === undefined ? undefined : JSON.stringify(pattern),
      ScheduleExpression: schedule,
      ...on,
    }),
  );
  const answer = await events.send(new PutTargetsCommand({ Rule: name, Targets: [...targets], ...on }));
  expect(answer.FailedEntryCount).toBe(0);
  return { name, arn: RuleArn };
};

/** Puts one event that must be taken; gives its id. */
export const putEvent = async (
  { events }: ParityPlace,
  source: string,
  detail: object,
  more: { readonly bus?: string; readonly resources?: string[]; readonly time?: Date } = {},
): Promise<string> => {
  const { Entries: [entry] = [] } = await events.send(
    new PutEventsCommand({
      Entries: [
        {
          Source: source,
          DetailType: 'parity',
          Detail: JSON.stringify(detail),
          EventBusName: more.bus,
          Resources: more.resources,
          Time: more.time,
        },
      ],
    }),
  );
  expect(entry?.ErrorCode).toBeUndefined();
  return entry?.EventId ?? '';
};

/** The next message of a queue. */
export const nextMessage = async (place: ParityPlace, queue: ParityQueue, timeoutMs?: number): Promise<Message> => {
  let found: Message | undefined;
  await eventually(
    'a message is in the queue',
    async () => {
      [found] = await place.take(queue);
      return found !== undefined;
    },
    timeoutMs,
  );
  return found ?? {};
};

export const bodyOf = ({ Body = 'null' }: Message): unknown => JSON.parse(Body);

export const newSource = (): string => `parity.${randomUUID()}`;

import { randomUUID } from 'node:crypto';
import { CreateEventBusCommand, EnableRuleCommand, RemoveTargetsCommand } from '@aws-sdk/client-eventbridge';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import type { ParityPlace } from '../place.ts';
import type { RowGroup } from '../row.ts';
import { eventually, holdsFor } from '../wait.ts';
import { bodyOf, busQueue, makeRule, newSource, nextMessage, putEvent, ROLE } from './event-bridge-place.ts';

const QUIET_MS = 3_000;

const newBus = async ({ events }: ParityPlace): Promise<{ readonly name: string; readonly arn: string }> => {
  const name = `parity-${randomUUID()}`;
  const { EventBusArn = '' } = await events.send(new CreateEventBusCommand({ Name: name }));
  return { name, arn: EventBusArn };
};

const DETAIL = { instance: 'i-1', state: 'RUNNING', n: 5, list: ['a', 'b'], inner: { x: 1 }, say: 'a "b"' };

/** What a queue gets of an event with DETAIL through a transformer. */
const transformed = async (place: ParityPlace, template: string, paths: Record<string, string>): Promise<string> => {
  const [queue, source] = [await busQueue(place), newSource()];
  const InputTransformer = { InputPathsMap: paths, InputTemplate: template };
  await makeRule(place, { pattern: { source: [source] }, targets: [{ Id: '1', Arn: queue.arn, InputTransformer }] });
  await putEvent(place, source, DETAIL);
  return (await nextMessage(place, queue)).Body ?? '';
};

export const eventBridgeRules: RowGroup = {
  subject: 'EventBridge: rules and targets',
  rows: [
    {
      title: 'a queue gets the whole event, with every field that AWS gives it',
      run: async (place) => {
        const [queue, source] = [await busQueue(place), newSource()];
        await makeRule(place, { pattern: { source: [source] }, targets: [{ Id: '1', Arn: queue.arn }] });
        const more = { resources: ['arn:aws:s3:::a'], time: new Date('2026-01-02T03:04:05Z') };
        const id = await putEvent(place, source, DETAIL, more);
        expect(bodyOf(await nextMessage(place, queue))).toEqual({
          version: '0',
          id,
          'detail-type': 'parity',
          source,
          account: queue.arn.split(':')[4],
          time: '2026-01-02T03:04:05Z',
          region: place.region,
          resources: ['arn:aws:s3:::a'],
          detail: DETAIL,
        });
      },
    },
    {
      title: 'what no rule matches goes nowhere, what several match goes to all of their targets',
      run: async (place) => {
        const [one, two, none, source] = [
          await busQueue(place),
          await busQueue(place),
          await busQueue(place),
          newSource(),
        ];
        const pattern = { source: [source], detail: { n: [{ numeric: ['<', 5] }] } };
        await makeRule(place, {
          pattern,
          targets: [
            { Id: '1', Arn: one.arn },
            { Id: '2', Arn: two.arn },
          ],
        });
        const other = { ...pattern, detail: { n: [{ numeric: ['>', 9] }] } };
        await makeRule(place, { pattern: other, targets: [{ Id: '1', Arn: none.arn }] });
        await putEvent(place, source, { n: 7 });
        const id = await putEvent(place, source, { n: 1 });
        for (const queue of [one, two]) expect(bodyOf(await nextMessage(place, queue))).toMatchObject({ id });
        await holdsFor('no other event came', QUIET_MS, async () => (await place.depth(none)) === 0);
        expect([await place.depth(one), await place.depth(two)]).toEqual([1, 1]);
      },
    },
    {
      title: 'a FIFO queue gets the event in the group that the target names',
      run: async (place) => {
        const fifo = { FifoQueue: 'true', ContentBasedDeduplication: 'true' };
        const [queue, source] = [await busQueue(place, fifo), newSource()];
        const target = { Id: '1', Arn: queue.arn, SqsParameters: { MessageGroupId: 'blue' } };
        await makeRule(place, { pattern: { source: [source] }, targets: [target] });
        await putEvent(place, source, {});
        expect((await nextMessage(place, queue)).Attributes?.MessageGroupId).toBe('blue');
      },
    },
    {
      title: 'a function gets the event',
      run: async (place) => {
        const [key, source] = [randomUUID(), newSource()];
        const { name, arn } = place.fn('probe');
        const rule = await makeRule(place, { pattern: { source: [source] }, targets: [{ Id: '1', Arn: arn }] });
        await place.allow(name, 'events.amazonaws.com', rule.arn);
        const id = await putEvent(place, source, { key, n: 4 });
        await eventually('the probe saw it', async () => (await place.sightings(key)).length > 0);
        expect((await place.sightings(key))[0]).toMatchObject({
          event: { id, source, detail: { n: 4 } },
          numbers: [4],
        });
      },
    },
    {
      title: 'a function is fed by the eventBridge event of its own definition',
      run: async (place) => {
        const key = randomUUID();
        await putEvent(place, 'parity.function-event', { key, n: 8 });
        await eventually('the probe saw it', async () => (await place.sightings(key)).length > 0);
        expect((await place.sightings(key))[0]?.functionName).toBe(place.fn('probeOnBus').name);
      },
    },
    {
      title: 'an event on a bus of its own reaches the rules of that bus only',
      run: async (place) => {
        const [bus, queue, other, source] = [
          await newBus(place),
          await busQueue(place),
          await busQueue(place),
          newSource(),
        ];
        const pattern = { source: [source] };
        await makeRule(place, { pattern, bus: bus.name, targets: [{ Id: '1', Arn: queue.arn }] });
        await makeRule(place, { pattern, targets: [{ Id: '1', Arn: other.arn }] });
        const id = await putEvent(place, source, {}, { bus: bus.name });
        expect(bodyOf(await nextMessage(place, queue))).toMatchObject({ id });
        await holdsFor('nothing on the default bus', QUIET_MS, async () => (await place.depth(other)) === 0);
      },
    },
    {
      title: 'a bus may be a target: the event keeps its source and its detail',
      run: async (place) => {
        const [bus, queue, source] = [await newBus(place), await busQueue(place), newSource()];
        const pattern = { source: [source] };
        await makeRule(place, { pattern, bus: bus.name, targets: [{ Id: '1', Arn: queue.arn }] });
        await makeRule(place, { pattern, targets: [{ Id: '1', Arn: bus.arn, RoleArn: ROLE }] });
        await putEvent(place, source, DETAIL);
        expect(bodyOf(await nextMessage(place, queue))).toMatchObject({
          source,
          'detail-type': 'parity',
          detail: DETAIL,
        });
      },
    },
    {
      title: 'a disabled rule delivers nothing, an enabled one again',
      run: async (place) => {
        const [queue, source] = [await busQueue(place), newSource()];
        const targets = [{ Id: '1', Arn: queue.arn }];
        const { name } = await makeRule(place, { pattern: { source: [source] }, state: 'DISABLED', targets });
        await putEvent(place, source, { n: 1 });
        await holdsFor('nothing came', QUIET_MS, async () => (await place.depth(queue)) === 0);
        await place.events.send(new EnableRuleCommand({ Name: name }));
        await putEvent(place, source, { n: 2 });
        expect(bodyOf(await nextMessage(place, queue))).toMatchObject({ detail: { n: 2 } });
      },
    },
    {
      title: 'a target that was removed gets nothing more',
      run: async (place) => {
        const [one, two, source] = [await busQueue(place), await busQueue(place), newSource()];
        const targets = [
          { Id: '1', Arn: one.arn },
          { Id: '2', Arn: two.arn },
        ];
        const { name } = await makeRule(place, { pattern: { source: [source] }, targets });
        await place.events.send(new RemoveTargetsCommand({ Rule: name, Ids: ['1'] }));
        await putEvent(place, source, {});
        await nextMessage(place, two);
        await holdsFor('nothing came', QUIET_MS, async () => (await place.depth(one)) === 0);
      },
    },
    {
      title: 'InputPath hands over a part of the event, Input a constant instead of it',
      run: async (place) => {
        const [part, constant, source] = [await busQueue(place), await busQueue(place), newSource()];
        const targets = [
          { Id: '1', Arn: part.arn, InputPath: '$.detail.inner' },
          { Id: '2', Arn: constant.arn, Input: '{"fixed":true}' },
        ];
        await makeRule(place, { pattern: { source: [source] }, targets });
        await putEvent(place, source, DETAIL);
        expect(bodyOf(await nextMessage(place, part))).toEqual({ x: 1 });
        expect(bodyOf(await nextMessage(place, constant))).toEqual({ fixed: true });
      },
    },
    {
      title: 'a transformer fills a JSON template: texts in quotes, numbers, lists and objects as they are',
      run: async (place) => {
        const paths = {
          i: '$.detail.instance',
          n: '$.detail.n',
          l: '$.detail.list',
          o: '$.detail.inner',
          f: '$.detail.list[1]',
        };
        const template = '{"instance": <i>, "text": "is <i>", "n": <n>, "l": <l>, "o": <o>, "fixed": [9, <f>, true]}';
        expect(JSON.parse(await transformed(place, template, paths))).toEqual({
          instance: 'i-1',
          text: 'is i-1',
          n: 5,
          l: ['a', 'b'],
          o: { x: 1 },
          fixed: [9, 'b', true],
        });
      },
    },
    {
      title: 'a transformer fills a text template, which stays in its quotes',
      run: async (place) => {
        const body = await transformed(place, '"<i> is in <s>"', { i: '$.detail.instance', s: '$.detail.state' });
        expect(body).toBe('"i-1 is in RUNNING"');
      },
    },
    {
      title: 'a transformer knows the rule, the event and the time it came',
      run: async (place) => {
        const [queue, source] = [await busQueue(place), newSource()];
        const InputTemplate =
          '{"arn": <aws.events.rule-arn>, "name": <aws.events.rule-name>, "at": <aws.events.event.ingestion-time>,' +
          ' "all": <aws.events.event.json>, "head": <aws.events.event>}';
        const targets = [{ Id: '1', Arn: queue.arn, InputTransformer: { InputTemplate } }];
        const { arn, name } = await makeRule(place, { pattern: { source: [source] }, targets });
        const id = await putEvent(place, source, { n: 1 });
        const body = bodyOf(await nextMessage(place, queue));
        expect(body).toMatchObject({ arn, name, at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/u) });
        expect(body).toMatchObject({ all: { id, source, detail: { n: 1 } }, head: { id, source } });
        expect(body).not.toHaveProperty('head.detail');
      },
    },
    {
      title: 'the event for a target that is gone is in its dead-letter queue, with the reason in attributes',
      run: async (place) => {
        const [gone, dead, source] = [await busQueue(place), await busQueue(place), newSource()];
        const target = {
          Id: '1',
          Arn: gone.arn,
          DeadLetterConfig: { Arn: dead.arn },
          RetryPolicy: { MaximumRetryAttempts: 0 },
        };
        const rule = await makeRule(place, { pattern: { source: [source] }, targets: [target] });
        await place.sqs.send(new DeleteQueueCommand({ QueueUrl: gone.url }));
        const id = await putEvent(place, source, { n: 1 });
        const message = await nextMessage(place, dead);
        expect(bodyOf(message)).toMatchObject({ id, detail: { n: 1 } });
        expect(message.MessageAttributes).toMatchObject({
          RULE_ARN: { StringValue: rule.arn },
          TARGET_ARN: { StringValue: gone.arn },
          ERROR_CODE: { StringValue: expect.stringMatching(/./u) },
          ERROR_MESSAGE: { StringValue: expect.stringMatching(/./u) },
        });
      },
    },
  ],
};

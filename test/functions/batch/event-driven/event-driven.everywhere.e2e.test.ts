import { randomUUID } from 'node:crypto';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import type { OutputPage } from '#batch/event-driven/output';
import { conservationProblems, type PipelineProgress } from '#batch/event-driven/progress';
import { allFive, signupMail } from '../../../../functions/batch/event-driven/pipelines.ts';
import { askPatiently, http, until } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** What fails is tried five times, ever later; what a batch held comes back after the visibility timeout. */
const PATIENCE_MS = 180_000;
const TEST_MS = 2 * PATIENCE_MS;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const api = (path: string): string => `${place.info.apiUrl}/event-driven/pipelines${path}`;
const post = async (name: string, events: readonly object[]): Promise<void> => {
  const answer = await askPatiently('POST', api(`/${name}/events`), { body: { events } }, PATIENCE_MS);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 202 });
};
const progressOf = async (name: string): Promise<PipelineProgress> =>
  (await http('GET', api(`/${name}`))).json as PipelineProgress;

/** Everything that came out of events of ours: others, and earlier runs, were there before. */
const outputOf = async (name: string, run: string): Promise<readonly OutputPage['events'][number][]> => {
  const events: OutputPage['events'][number][] = [];
  let query = '';
  for (;;) {
    const page = (await http('GET', api(`/${name}/output${query}`))).json as OutputPage;
    events.push(...page.events.filter(({ id }) => id.startsWith(run)));
    if (!page.more) return events;
    query = `?cursor=${page.cursor}`;
  }
};
const cameOut = (name: string, run: string, count: number) =>
  until(
    () => outputOf(name, run),
    (events) => events.length >= count,
    PATIENCE_MS,
    1_000,
  );
const event = (run: string, n: number, type: string, data: unknown = null) => ({
  id: `${run}-${n}`,
  key: `${run}-key-${n % 3}`,
  type,
  data,
});

test(
  'events go through all five stages: what is not filtered comes out once, each key in its order, and all adds up',
  async () => {
    const run = randomUUID();
    const types = ['order.placed', 'visit', 'noise', 'order.paid'];
    const events = Array.from({ length: 60 }, (_, n) => event(run, n, types[n % 4] ?? '', { n, test: n % 10 === 9 }));
    const before = await progressOf('all-five');
    for (let at = 0; at < 60; at += 20) await post('all-five', events.slice(at, at + 20));
    // Again: nothing new.
    await post('all-five', events.slice(0, 20));
    const expected = events.filter(({ type, data }) => type !== 'noise' && !(data as { test: boolean }).test);
    const out = await cameOut('all-five', run, expected.length);
    expect(out.map(({ id }) => id).toSorted()).toEqual(expected.map(({ id }) => id).toSorted());
    for (const key of new Set(out.map((each) => each.key))) {
      const numbers = out.filter((each) => each.key === key).map(({ data }) => (data as { n: number }).n);
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    }
    const after = await until(
      () => progressOf('all-five'),
      (progress) => progress.stages.every(({ waiting }) => waiting === 0),
      PATIENCE_MS,
      500,
    );
    expect(conservationProblems(allFive({ misbehaves: false }), after)).toEqual([]);
    expect(after.accepted - before.accepted).toBe(60);
  },
  TEST_MS,
);

test(
  'a list by queue message, and one by the bus, go the same way as by HTTP',
  async () => {
    const run = randomUUID();
    const list = (n: number) => JSON.stringify({ pipeline: 'all-five', events: [event(run, n, 'visit')] });
    const QueueUrl = place.queue('event-driven-events.fifo');
    await place.sqs.send(
      new SendMessageCommand({ QueueUrl, MessageBody: list(0), MessageGroupId: run, MessageDeduplicationId: run }),
    );
    const { awsEndpointUrl: endpoint, region } = place.info;
    const bridge = new EventBridgeClient({
      endpoint,
      region,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    });
    const EventBusName = QueueUrl.slice(QueueUrl.lastIndexOf('/') + 1).replace('-events.fifo', '-bus');
    const answer = await bridge.send(
      new PutEventsCommand({
        Entries: [{ EventBusName, Source: 'somebody', DetailType: 'event-driven.events', Detail: list(1) }],
      }),
    );
    bridge.destroy();
    expect(answer.FailedEntryCount).toBe(0);
    const out = await cameOut('all-five', run, 2);
    expect(out.map(({ id }) => id).toSorted()).toEqual([`${run}-0`, `${run}-1`]);
  },
  TEST_MS,
);

test(
  'what always fails is counted as a dead letter, holds up its key until then, and what fails once comes out',
  async () => {
    const run = randomUUID();
    const deadOf = ({ stages }: PipelineProgress): number =>
      stages.find(({ stage }) => stage === 'split')?.deadLettered ?? 0;
    const before = deadOf(await progressOf('all-five'));
    await post('all-five', [
      { ...event(run, 0, 'visit', { fail: 'always' }), key: run },
      { ...event(run, 1, 'visit', { fail: 'once' }), key: run },
      { ...event(run, 2, 'visit'), key: run },
    ]);
    const out = await cameOut('all-five', run, 2);
    expect(out.map(({ id }) => id)).toEqual([`${run}-1`, `${run}-2`]);
    expect(deadOf(await progressOf('all-five'))).toBeGreaterThan(before);
  },
  TEST_MS,
);

test(
  'who signs up is written to by the way that they have',
  async () => {
    const run = randomUUID();
    await post('signup-mail', [
      event(run, 0, 'signup', { email: 'ada@example.org', name: 'Ada' }),
      event(run, 1, 'signup', { phone: '+1 555 0100' }),
      event(run, 2, 'signup.resend', { email: 'cy@example.org' }),
    ]);
    const out = await cameOut('signup-mail', run, 3);
    expect(Object.fromEntries(out.map(({ id, type }) => [id, type]))).toEqual({
      [`${run}-0`]: 'mail.sent',
      [`${run}-1`]: 'text.sent',
      [`${run}-2`]: 'mail.sent',
    });
    const progress = await progressOf('signup-mail');
    expect(conservationProblems(signupMail(), progress)).toEqual([]);
  },
  TEST_MS,
);

import { randomUUID } from 'node:crypto';
import { UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { askPatiently, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

const PATIENCE_MS = 120_000;
const TEST_MS = 2 * PATIENCE_MS;
/** Each is a process of its own on LocalStack. */
const CLIENTS = 8;

let place: Place;
let events: EventBridgeClient;
beforeAll(async () => {
  place = await openPlace();
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  events = new EventBridgeClient({ endpoint: place.info.awsEndpointUrl, region: place.info.region, credentials });
}, 150_000);
afterAll(async () => {
  events.destroy();
  await place.close();
}, 60_000);

interface Body {
  readonly challengeId: string;
  readonly signupId: string;
  readonly status: string;
  readonly reason: string;
  readonly token: string;
  readonly attemptsLeft: number;
  readonly mails: readonly { readonly text: string }[];
  readonly steps: readonly { readonly name: string; readonly status: string; readonly attempts: number }[];
}
const bodyOf = (answer: HttpAnswer): Body => answer.json as Body;

const call = (
  method: string,
  route: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> => {
  const request = { headers, ...(body === undefined ? {} : { body }) };
  return askPatiently(method, `${place.info.apiUrl}/functions${route}`, request, PATIENCE_MS);
};
const someone = (host = 'example.org'): string => `${randomUUID()}@${host}`;
const mailsTo = async (address: string): Promise<Body['mails']> => {
  const { adminToken } = place.info;
  const answer = await call('GET', `/mailbox/${address}`, undefined, { authorization: `Bearer ${adminToken}` });
  expect(answer.status).toBe(200);
  return bodyOf(answer).mails;
};
const codeTo = async (address: string): Promise<string> => {
  const [mail] = await until(
    () => mailsTo(address),
    ({ length }) => length > 0,
    PATIENCE_MS,
    300,
  );
  return /^\d{6}/.exec(mail?.text ?? '')?.[0] ?? 'none';
};
const wrong = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const challenge = async (address: string): Promise<string> => {
  const answer = await call('POST', '/two-factor/challenges', { user: 'ann', address });
  expect(answer.status).toBe(202);
  return bodyOf(answer).challengeId;
};
const verify = (challengeId: string, code: string): Promise<HttpAnswer> =>
  call('POST', `/two-factor/challenges/${challengeId}/verify`, { code });
const signUp = (email: string): Promise<HttpAnswer> => call('POST', '/signups', { email, name: 'Ann' });
const ended = (signupId: string): Promise<Body> =>
  until(
    async () => bodyOf(await call('GET', `/signups/${signupId}`)),
    ({ status }) => status === 'completed' || status === 'failed',
    PATIENCE_MS,
    300,
  );
const publish = async (type: string, detail: object): Promise<void> => {
  const name = Object.keys(place.info.buses).find((bus) => bus.endsWith('functions-and-events'));
  const Detail = JSON.stringify(detail);
  const { FailedEntryCount } = await events.send(
    new PutEventsCommand({ Entries: [{ EventBusName: name, Source: 'test', DetailType: type, Detail }] }),
  );
  expect(FailedEntryCount).toBe(0);
};

test(
  'a code is sent, a wrong one is refused, and of several who send the right one at once one is verified',
  async () => {
    const address = someone();
    const challengeId = await challenge(address);
    const code = await codeTo(address);
    const refused = await verify(challengeId, wrong(code));
    expect({ status: refused.status, left: bodyOf(refused).attemptsLeft }).toEqual({ status: 401, left: 4 });
    const answers = await Promise.all(Array.from({ length: CLIENTS }, () => verify(challengeId, code)));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => ![200, 401, 429].includes(status))).toEqual([]);
    expect((await verify(challengeId, code)).status).toBe(401);
  },
  TEST_MS,
);

test(
  'after five wrong codes the right one is 429',
  async () => {
    const address = someone();
    const challengeId = await challenge(address);
    const code = await codeTo(address);
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1)
      statuses.push((await verify(challengeId, attempt < 5 ? wrong(code) : code)).status);
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  },
  TEST_MS,
);

test(
  'a challenge whose time is over is 410, although its record is there',
  async () => {
    const address = someone();
    const challengeId = await challenge(address);
    const code = await codeTo(address);
    await place.dynamodb.send(
      new UpdateItemCommand({
        TableName: place.table('functions-and-events-state'),
        Key: { pk: { S: `challenge/${challengeId}` }, sk: { S: 'challenge' } },
        UpdateExpression: 'SET expiresAtMs = :now',
        ConditionExpression: 'attribute_exists(expiresAtMs)',
        ExpressionAttributeValues: { ':now': { N: String(Date.now() - 5_000) } },
      }),
    );
    expect((await verify(challengeId, code)).status).toBe(410);
  },
  TEST_MS,
);

test(
  'an event begins a challenge, and one that comes twice sends one code',
  async () => {
    const [address, challengeId] = [someone(), randomUUID()];
    for (let times = 0; times < 2; times += 1)
      await publish('challenge.requested', { challengeId, user: 'ann', address });
    const code = await codeTo(address);
    // Behind the two in the queue, or nearly so.
    const other = someone();
    await publish('challenge.requested', { user: 'bob', address: other });
    await codeTo(other);
    expect(await mailsTo(address)).toHaveLength(1);
    expect((await verify(challengeId, code)).status).toBe(200);
  },
  TEST_MS,
);

test(
  'of several who want an address at once one has it; its sign-up ends with one account and one mail',
  async () => {
    const email = someone();
    const answers = await Promise.all(Array.from({ length: CLIENTS }, () => signUp(email)));
    const accepted = answers.filter(({ status }) => status === 202);
    expect(accepted).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(CLIENTS - 1);
    const { status, steps } = await ended(bodyOf(accepted[0] as HttpAnswer).signupId);
    expect(status).toBe('completed');
    expect(steps.map((step) => `${step.name} ${step.status}`)).toEqual([
      'reserve done',
      'account done',
      'welcome done',
    ]);
    expect(await mailsTo(email.toUpperCase())).toHaveLength(1);
    expect((await signUp(email.toUpperCase())).status).toBe(409);
  },
  TEST_MS,
);

test(
  'a sign-up whose mail goes nowhere is tried again, then undone, and its address is free',
  async () => {
    const email = someone('nowhere.invalid');
    const { signupId } = bodyOf(await signUp(email));
    const { status, steps, reason } = await ended(signupId);
    expect({ status, reason }).toEqual({ status: 'failed', reason: expect.stringContaining('welcome: ') });
    expect(steps.map((step) => step.status)).toEqual(['undone', 'undone', 'failing']);
    expect(steps[2]?.attempts).toBeGreaterThan(1);
    expect((await signUp(email)).status).toBe(202);
  },
  TEST_MS,
);

test(
  'a message and an event begin a sign-up as HTTP does',
  async () => {
    const byMessage = { signupId: randomUUID(), email: someone(), name: 'Ann' };
    const byEvent = { signupId: randomUUID(), email: someone(), name: 'Bob' };
    const QueueUrl = place.queue('functions-and-events-steps');
    await place.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(byMessage) }));
    await publish('signup.requested', byEvent);
    for (const { signupId, email } of [byMessage, byEvent]) {
      await until(
        () => call('GET', `/signups/${signupId}`),
        (answer) => answer.status === 200,
        PATIENCE_MS,
        300,
      );
      expect((await ended(signupId)).status).toBe('completed');
      expect(await mailsTo(email)).toHaveLength(1);
    }
    const refused = { ...byEvent, signupId: randomUUID() };
    await publish('signup.requested', refused);
    await until(
      () => call('GET', `/signups/${refused.signupId}`),
      (answer) => answer.status === 200,
      PATIENCE_MS,
      300,
    );
    const { status, reason } = await ended(refused.signupId);
    expect({ status, reason }).toEqual({ status: 'failed', reason: 'address taken' });
  },
  TEST_MS,
);

test(
  'the mailbox asks for the token',
  async () => {
    expect((await call('GET', `/mailbox/${someone()}`)).status).toBe(401);
  },
  TEST_MS,
);

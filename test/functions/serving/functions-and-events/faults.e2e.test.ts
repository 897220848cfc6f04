import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { DynamoDBClient, ScanCommand, type ScanCommandOutput } from '@aws-sdk/client-dynamodb';
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from '@aws-sdk/client-eventbridge';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { killFunctions, setFaults, untilReplaced } from '../../../support/breaking.ts';
import { askPatiently, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 180_000;
const TEST_MS = 2 * PATIENCE_MS;
const LOGINS = 8;
const SIGN_UPS = 12;
/** Logs, not bundles or data of another kind. */
const MAX_FILE_BYTES = 20_000_000;

let stack: TestStack;
let sqs: SQSClient;
let dynamodb: DynamoDBClient;
let events: EventBridgeClient;
beforeAll(async () => {
  stack = await startTestStack({
    // A sixth of it is a step's time: a slow machine must not run out of it. A kill costs what was in flight a receive.
    env: { VISIBILITY_TIMEOUT_S: '18', MAX_RECEIVE_COUNT: '10', LOG_LEVEL: 'debug' },
  });
  const config = {
    endpoint: stack.info.awsEndpointUrl,
    region: stack.info.region,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  sqs = new SQSClient({ ...config, useQueueUrlAsEndpoint: false });
  dynamodb = new DynamoDBClient(config);
  events = new EventBridgeClient(config);
}, 150_000);
afterAll(async () => {
  for (const client of [sqs, dynamodb, events]) client.destroy();
  await stack.stop();
}, 60_000);

interface Body {
  readonly challengeId: string;
  readonly signupId: string;
  readonly token: string;
  readonly status: string;
  readonly mails: readonly { readonly text: string }[];
  readonly faults: readonly { readonly kind: string; readonly fired: number }[];
}

const admin = (): Record<string, string> => ({ authorization: `Bearer ${stack.info.adminToken}` });

const call = async (method: string, route: string, body?: object, headers: Record<string, string> = {}) => {
  const request = { headers, ...(body === undefined ? {} : { body }) };
  const answer = await askPatiently(method, `${stack.info.apiUrl}${route}`, request, PATIENCE_MS);
  return { status: answer.status, body: answer.json as Body };
};
const keyed = (key: string): Record<string, string> => ({ 'idempotency-key': key });
const firedFaults = async (): Promise<Body['faults']> => (await call('GET', '/faults', undefined, admin())).body.faults;
const mailsTo = async (address: string) =>
  (await call('GET', `/functions/mailbox/${address}`, undefined, admin())).body.mails;
const codeTo = async (address: string): Promise<string> => {
  const [mail] = await until(
    () => mailsTo(address),
    (mails) => mails.length > 0,
    PATIENCE_MS,
    300,
  );
  return /^\d{6}/.exec(mail?.text ?? '')?.[0] ?? 'none';
};
const queueNamed = (role: string): string =>
  Object.entries(stack.info.queues).find(([name]) => name.endsWith(`-${role}`))?.[1] ?? '';
const endOf = (signupId: string): Promise<string> =>
  until(
    async () => (await call('GET', `/functions/signups/${signupId}`)).body.status,
    (status) => status === 'completed' || status === 'failed',
    PATIENCE_MS,
    300,
  );
const kill = async (): Promise<void> => {
  await untilReplaced(stack, await killFunctions(stack), PATIENCE_MS);
};

/** A queue of the test's own that gets every event of the pattern's bus. */
const spyOnBus = async (): Promise<string> => {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: 'spy' }));
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }));
  const EventBusName = Object.keys(stack.info.buses).find((name) => name.endsWith('functions-and-events'));
  const EventPattern = JSON.stringify({ source: [{ prefix: '' }] });
  await events.send(new PutRuleCommand({ Name: 'spy', EventBusName, EventPattern }));
  await events.send(
    new PutTargetsCommand({ Rule: 'spy', EventBusName, Targets: [{ Id: 'spy', Arn: Attributes?.QueueArn ?? '' }] }),
  );
  return QueueUrl;
};

const drain = async (QueueUrl: string): Promise<readonly string[]> => {
  const texts: string[] = [];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: 10,
        VisibilityTimeout: 600,
        MessageAttributeNames: ['All'],
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return texts;
    texts.push(...Messages.map((message) => JSON.stringify(message)));
  }
};

const scan = async (TableName: string): Promise<string> => {
  const pages: string[] = [];
  let ExclusiveStartKey: ScanCommandOutput['LastEvaluatedKey'];
  do {
    const page: ScanCommandOutput = await dynamodb.send(new ScanCommand({ TableName, ExclusiveStartKey }));
    pages.push(JSON.stringify(page.Items));
    ExclusiveStartKey = page.LastEvaluatedKey;
  } while (ExclusiveStartKey !== undefined);
  return pages.join('\n');
};

const filesIn = async (folder: string): Promise<readonly string[]> => {
  const names = await readdir(folder, { recursive: true });
  const texts: string[] = [];
  for (const name of names) {
    const file = path.join(folder, name);
    const found = await stat(file);
    if (found.isFile() && found.size < MAX_FILE_BYTES) texts.push(`${name}\n${await readFile(file, 'utf8')}`);
  }
  return texts;
};

/** Six digits also stand inside of ids and times: a code stands by itself. */
const holds = (text: string, secret: string): boolean =>
  new RegExp(`(?<![0-9A-Za-z.+/-])${secret}(?![0-9A-Za-z+/-])`).test(text);

test(
  'codes and tokens are in no log, event, message, dead letter or table, whatever is broken meanwhile',
  async () => {
    const spy = await spyOnBus();
    await setFaults(stack, [
      { at: 'queue/functions-and-events-steps', kind: 'duplicate', rate: 0.5, seed: 1 },
      { at: 'table/functions-and-events-state', kind: 'lose-answer', rate: 0.2, seed: 2 },
      { at: 'table/functions-and-events-mailbox', kind: 'lose-answer', rate: 0.5, seed: 3 },
      { at: 'functions-and-events/steps', kind: 'crash', times: 1 },
    ]);
    const logins: { readonly challengeId: string; readonly address: string }[] = [];
    for (let index = 0; index < LOGINS; index += 1) {
      const address = `canary-${index}@example.org`;
      const { body, status } = await call(
        'POST',
        '/functions/two-factor/challenges',
        { user: 'ann', address },
        keyed(`c${index}`),
      );
      expect(status).toBe(202);
      logins.push({ challengeId: body.challengeId, address });
    }
    // A code that cannot be sent: its message becomes a dead letter.
    const lost = { user: 'eve', address: 'eve@nowhere.invalid' };
    await call('POST', '/functions/two-factor/challenges', lost, keyed('lost'));
    const secrets: string[] = [];
    for (const { challengeId, address } of logins) {
      const code = await codeTo(address);
      secrets.push(code);
      const verify = `/functions/two-factor/challenges/${challengeId}/verify`;
      const wrong = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
      expect((await call('POST', verify, { code: wrong })).status).toBe(401);
      const { body, status } = await call('POST', verify, { code });
      if (status === 200) secrets.push(body.token);
      // In clear in a place where none belongs: told apart from what was sent by itself.
      await call('POST', verify, { code, extra: code });
    }
    const fired = await firedFaults();
    await call('DELETE', '/faults', undefined, admin());
    // There may be others: a message that was delivered twice so often that its receives are used up.
    const dead: string[] = [];
    await until(
      async () => dead.push(...(await drain(queueNamed('functions-and-events-steps-dead-letters')))),
      () => dead.join().includes('the code could not be sent'),
      PATIENCE_MS,
      500,
    );
    expect(fired.filter(({ fired: count }) => count === 0)).toEqual([]);
    // Each address has one code, however often its event came and whatever crashed meanwhile.
    for (const { address } of logins) expect(await mailsTo(address)).toHaveLength(1);

    const boxes = Object.keys(stack.info.tables).filter((name) => name.endsWith('functions-and-events-mailbox'));
    const tables = Object.keys(stack.info.tables).filter((name) => !boxes.includes(name));
    const seen = await drain(spy);
    expect(seen.length).toBeGreaterThanOrEqual(LOGINS);
    const written: Readonly<Record<string, string>> = {
      'standard output': stack.output(),
      files: (await filesIn(stack.stackDir)).join('\n'),
      events: seen.join('\n'),
      'dead letters': dead.join('\n'),
      queues: (await Promise.all(Object.values(stack.info.queues).map(drain))).flat().join('\n'),
      tables: (await Promise.all(tables.map(scan))).join('\n'),
    };
    // The search does find what is there.
    const inBoxes = (await Promise.all(boxes.map(scan))).join('\n');
    expect(secrets.filter((secret) => secret.length === 6 && !holds(inBoxes, secret))).toEqual([]);
    expect(written['files']).toContain('functions-and-events.verify');
    expect(written['tables']).toContain(logins[0]?.challengeId);
    expect(secrets.length).toBeGreaterThan(LOGINS);
    const leaks = Object.entries(written).flatMap(([where, text]) =>
      secrets.filter((secret) => holds(text, secret)).map((secret) => `${secret} in ${where}`),
    );
    expect(leaks).toEqual([]);
  },
  TEST_MS,
);

test(
  'sign-ups survive a kill of the functions, lost answers and conflicts: one account and one mail each',
  async () => {
    await setFaults(stack, [
      { at: 'table/functions-and-events-state', kind: 'conflict', rate: 0.2, seed: 4 },
      { at: 'table/functions-and-events-state', kind: 'lose-answer', rate: 0.1, seed: 5 },
      { at: 'table/functions-and-events-mailbox', kind: 'lose-answer', rate: 0.3, seed: 6 },
      { at: 'queue/functions-and-events-steps', kind: 'duplicate', rate: 0.3, seed: 7 },
    ]);
    const started: { readonly email: string; readonly signupId: string }[] = [];
    for (let index = 0; index < SIGN_UPS; index += 1) {
      const email = `user-${index}@example.org`;
      const { status, body } = await call('POST', '/functions/signups', { email, name: 'User' }, keyed(`s${index}`));
      expect(status).toBe(202);
      started.push({ email, signupId: body.signupId });
      if (index === 5) await kill();
    }
    for (const { email, signupId } of started) {
      expect(await endOf(signupId)).toBe('completed');
      expect(await mailsTo(email)).toHaveLength(1);
    }
    expect((await firedFaults()).filter(({ fired }) => fired === 0)).toEqual([]);
    await call('DELETE', '/faults', undefined, admin());
    const state = Object.keys(stack.info.tables).find((name) => name.endsWith('functions-and-events-state')) ?? '';
    const accounts = (await scan(state)).match(/"account\/[^"]+"/g) ?? [];
    expect(new Set(accounts).size).toBe(SIGN_UPS);
  },
  TEST_MS,
);

test(
  'a step that its function never answers is compensated, and the address is free',
  async () => {
    await setFaults(stack, [{ at: 'functions-and-events/steps', kind: 'error' }]);
    const body = { email: 'doomed@example.org', name: 'Doomed' };
    const { signupId } = (await call('POST', '/functions/signups', body, keyed('doomed'))).body;
    // What SQS does at the last receive, without the wait for all those before.
    const given = { id: 'given-up', 'detail-type': 'signup.reserved', detail: { signupId } };
    const QueueUrl = queueNamed('functions-and-events-steps-undeliverable');
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(given) }));
    await until(
      async () => (await call('GET', `/functions/signups/${signupId}`)).body.status,
      (status) => status === 'compensating',
      PATIENCE_MS,
      300,
    );
    await call('DELETE', '/faults', undefined, admin());
    expect(await endOf(signupId)).toBe('failed');
    expect(await mailsTo(body.email)).toEqual([]);
    const again = await call('POST', '/functions/signups', body, keyed('again'));
    expect(again.status).toBe(202);
    expect(await endOf(again.body.signupId)).toBe('completed');
  },
  TEST_MS,
);

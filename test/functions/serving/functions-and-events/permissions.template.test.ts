import { QueryCommand } from '@aws-sdk/client-dynamodb';
import { resourcesOf, type Packaged } from '../../../template/rules.ts';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const [HTTP, STEPS, BURY] = ['Http', 'Steps', 'Bury'].map((role) => `FunctionsAndEvents${role}LambdaFunction`) as [
  string,
  string,
  string,
];
const SETTINGS = { VISIBILITY_TIMEOUT_S: '1', MAX_RECEIVE_COUNT: '2', LOG_LEVEL: 'error', ADMIN_TOKEN: 'token' };
/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  [`${HTTP}.IdempotencyTable.DeleteItem`]: 'to free the key of a request that ended in an error',
};

let stack: StackWithRoles;

const event = (type: string, detail: object) => ({ id: crypto.randomUUID(), 'detail-type': type, detail });

const codeOf = async ({ dynamodb, refOf }: StackWithRoles, address: string): Promise<string> => {
  const { Items = [] } = await (
    await dynamodb()
  ).send(
    new QueryCommand({
      TableName: refOf('FunctionsAndEventsMailboxTable'),
      KeyConditionExpression: 'pk = :pk',
      ExpressionAttributeValues: { ':pk': { S: `mailbox/${address}` } },
    }),
  );
  return /(\d{6}) is your code/.exec(JSON.stringify(Items))?.[1] ?? 'none';
};

/** Every way through the functions: no rule leads from the bus to the queue here, so the events are sent to it. */
const drive = async (running: StackWithRoles): Promise<void> => {
  const { http, send, settle } = running;
  const headers: [string, string][] = [['idempotency-key', 'k']];
  const post = (path: string, body: object) => http(HTTP, 'POST', `/functions${path}`, { body, headers });
  const ann = { user: 'ann', address: 'ann@example.org' };
  const { challengeId = '' } = (await post('/two-factor/challenges', ann)).body;
  await send('FunctionsAndEventsStepsQueue', event('challenge.requested', { challengeId, ...ann }));
  await send('FunctionsAndEventsStepsQueue', { user: 'bob', address: 'bob@example.org' });
  const { signupId = '' } = (await post('/signups', { email: 'ann@example.org', name: 'Ann' })).body;
  await http(HTTP, 'POST', '/functions/signups', { body: { email: 'ann@example.org', name: 'Ann' } });
  const lost = { signupId: 'lost', email: 'a@b.invalid', name: 'Lost' };
  await send('FunctionsAndEventsStepsQueue', event('signup.requested', lost));
  await send('FunctionsAndEventsStepsQueue', event('signup.reserved', { signupId }));
  await send('FunctionsAndEventsStepsQueue', 'no message');
  await settle();
  await send('FunctionsAndEventsStepsQueue', event('signup.account-created', { signupId }));
  await send('FunctionsAndEventsStepsUndeliverableQueue', event('signup.reserved', { signupId: 'lost' }));
  await send('FunctionsAndEventsStepsUndeliverableQueue', 'no message');
  await settle();
  await send('FunctionsAndEventsStepsQueue', event('signup.step-failed', { signupId: 'lost' }));
  const failing = { signupId: 'failing', email: 'b@b.invalid', name: 'Failing' };
  await send('FunctionsAndEventsStepsQueue', event('signup.requested', failing));
  await settle();
  await send('FunctionsAndEventsStepsQueue', event('signup.reserved', { signupId: 'failing' }));
  await settle();
  await send('FunctionsAndEventsStepsQueue', event('signup.account-created', { signupId: 'failing' }));
  await settle();
  await http(HTTP, 'GET', `/functions/signups/${signupId}`);
  const verify = `/functions/two-factor/challenges/${challengeId}/verify`;
  const code = await codeOf(running, ann.address);
  expect((await http(HTTP, 'POST', verify, { body: { code } })).status).toBe(200);
  await http(HTTP, 'GET', '/functions/mailbox/ann@example.org', { headers: [['authorization', 'Bearer token']] });
};

beforeAll(async () => {
  stack = await startWithRoles(SETTINGS);
  await drive(stack);
}, 400_000);
afterAll(() => stack.stop());

test.each([HTTP, STEPS, BURY])('%s may do all that it does', (id) => {
  expect(stack.usedBy(id).size).toBeGreaterThan(0);
  expect(stack.refused(id)).toEqual([]);
});

test('none may do what it never does, but for what is said here with a reason', () => {
  expect([HTTP, STEPS, BURY].flatMap((id) => stack.idle(id))).toEqual(Object.keys(UNUSED));
});

describe('the key of the codes', () => {
  const keysOf = ({ Resources }: Packaged): readonly unknown[] =>
    Object.values(Resources).flatMap(({ Properties: { Environment } = {} }) => {
      const { Variables = {} } = (Environment ?? {}) as { readonly Variables?: Readonly<Record<string, unknown>> };
      return 'CODE_KEY' in Variables ? [Variables['CODE_KEY']] : [];
    });

  test('on one machine there is none: it is made of the token of the stack', () => {
    expect(keysOf(stack.template)).toEqual(['', '']);
    expect(resourcesOf(stack.template, 'AWS::SecretsManager::Secret')).toEqual([]);
  });
});

test('the pattern takes its share of the resources of a stack', () => {
  const count = Object.keys(stack.template.Resources).filter((id) => id.startsWith('FunctionsAndEvents')).length;
  expect(count).toBeGreaterThan(20);
  expect(count).toBeLessThanOrEqual(30);
});

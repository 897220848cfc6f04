import { resourcesOf } from '../../../template/rules.ts';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'AdapterHttpLambdaFunction';
const NORMALISE = 'AdapterNormaliseLambdaFunction';
const SETTINGS = { VISIBILITY_TIMEOUT_S: '1', LOG_LEVEL: 'error' };
/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  [`${HTTP}.IdempotencyTable.DeleteItem`]: 'to free the key of a request that ended in an error',
};

let stack: StackWithRoles;
let page: string;

beforeAll(async () => {
  stack = await startWithRoles(SETTINGS);
  const { http, send, settle } = stack;
  const headers: [string, string][] = [['idempotency-key', 'k']];
  await http(HTTP, 'POST', '/adapter/logs', { body: { lines: ['a', 'b'] }, headers });
  await send('AdapterLogsQueue', { lines: ['one'] });
  await send('AdapterLogsQueue', 'no batch');
  await settle();
  await http(HTTP, 'GET', '/adapter/logs');
  await http(HTTP, 'GET', '/adapter/health');
  page = (await http(HTTP, 'GET', '/adapter/metrics')).text;
}, 400_000);
afterAll(() => stack.stop());

test.each([HTTP, NORMALISE])('%s may do all that it does', (id) => {
  expect(stack.usedBy(id).size).toBeGreaterThan(0);
  expect(stack.refused(id)).toEqual([]);
});

test('none may do what it never does, but for what is said here with a reason', () => {
  expect([HTTP, NORMALISE].flatMap((id) => stack.idle(id))).toEqual(Object.keys(UNUSED));
});

test('the page tells of every queue and table of the stack', () => {
  const nameOf = (name: unknown): string => (name as string).replace(/^distributed-patterns-local-/, '');
  const queues = resourcesOf(stack.template, 'AWS::SQS::Queue').map(
    ([, { QueueName }]) => `queue/${nameOf(QueueName)}`,
  );
  const tables = resourcesOf(stack.template, 'AWS::DynamoDB::Table').map(
    ([, { TableName }]) => `table/${nameOf(TableName)}`,
  );
  expect(queues.length).toBeGreaterThan(5);
  const missing = [...queues, ...tables].filter((source) => !page.includes(`adapter_source_up{source="${source}"} 1`));
  // A new one needs a word in WATCHED_QUEUES or WATCHED_TABLES and a permission: functions/single-node/adapter/functions.yml.
  expect(missing).toEqual([]);
});

import { gzipSync } from 'node:zlib';
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { objectKeyOf } from '../../../../functions/serving/replicated/dictionary/words.ts';
import { allowedTo } from '../../../template/permissions.ts';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'ReplicatedHttpLambdaFunction';

let stack: StackWithRoles;

const drive = async ({ http, refOf, s3, dynamodb }: typeof stack): Promise<void> => {
  const word = gzipSync(JSON.stringify({ house: [] }));
  const object = { Bucket: refOf('ReplicatedDictionaryBucket'), Key: objectKeyOf('house'), Body: word };
  await (await s3()).send(new PutObjectCommand(object));
  expect((await http(HTTP, 'GET', '/replicated/dictionary/house')).status).toBe(200);
  expect((await http(HTTP, 'GET', '/replicated/ready')).status).toBe(503);
  expect((await http(HTTP, 'PUT', '/replicated/sessions/s', { body: {} })).status).toBe(200);
  // One whose life is nearly over: to read it renews it.
  const key = { pk: { S: 'session/web/old' }, sk: { S: 'session' } };
  const fields = { data: { S: '{}' }, version: { S: 'v' }, expiresAtMs: { N: String(Date.now() + 60_000) } };
  await (
    await dynamodb()
  ).send(new PutItemCommand({ TableName: refOf('ReplicatedSessionsTable'), Item: { ...key, ...fields } }));
  expect((await http(HTTP, 'GET', '/replicated/sessions/old')).status).toBe(200);
  expect((await http(HTTP, 'DELETE', '/replicated/sessions/s')).status).toBe(204);
};

beforeAll(async () => {
  stack = await startWithRoles({ LOG_LEVEL: 'error' });
  await drive(stack);
}, 400_000);
afterAll(() => stack.stop());

/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  'ReplicatedDictionaryBucket.ListBucket': 'without it S3 says 403 of an object that is not there, not 404',
};

test('the replicas may do all that they do', () => {
  expect(stack.usedBy(HTTP).size).toBeGreaterThan(5);
  expect(stack.refused(HTTP)).toEqual([]);
});

test('they may not do what they never do, but for what is said here with a reason', () => {
  const idle = [...allowedTo(stack.template, HTTP)].filter((use) => !stack.usedBy(HTTP).has(use));
  expect(idle).toEqual(Object.keys(UNUSED));
});

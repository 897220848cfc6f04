import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'WorkQueueHttpLambdaFunction';
const FUNCTIONS = [
  'Http',
  'Planner',
  'BuryPlan',
  'Worker',
  'WorkerOrdered',
  'Bury',
  'BuryOrdered',
  'Redrive',
  'Scaling',
].map((role) => `WorkQueue${role}LambdaFunction`);
const SCALER = 'WorkQueueScalingLambdaFunction';
const SCALING = { minConcurrency: 2, maxConcurrency: 9, drainMs: 10_000 };
const IMAGE = path.join(import.meta.dirname, '../../../../media/images/one-pixel.png');
const SETTINGS = { ADMIN_TOKEN: 'let-me-in', MAX_RECEIVE_COUNT: '2', VISIBILITY_TIMEOUT_S: '1', LOG_LEVEL: 'error' };

let stack: StackWithRoles;

/** What a work queue goes through: jobs of every kind, items that fail, what cannot be read, and the way back. */
const drive = async ({ http, invoke, send, settle, refOf, s3 }: StackWithRoles): Promise<void> => {
  const bucket = refOf('WorkQueueMediaBucket');
  const create = async (body: object): Promise<string> => {
    const headers: [string, string][] = [['idempotency-key', crypto.randomUUID()]];
    return (await http(HTTP, 'POST', '/work-queue/jobs', { body, headers })).body['jobId'] ?? '';
  };
  await (await s3()).send(new PutObjectCommand({ Bucket: bucket, Key: 'in/a.png', Body: readFileSync(IMAGE) }));
  await create({
    worker: 'record',
    items: [
      { id: 'bad', payload: { fail: 'always' }, priority: 'high' },
      { id: 'old', deadlineAt: '2020-01-01T00:00:00Z' },
    ],
  });
  const items = [{ id: 'good' }, { id: 'bad', payload: { fail: 'always' } }, { id: 'late', payload: { fail: 'once' } }];
  const job = await create({ worker: 'record', items });
  await create({ worker: 'record', ordered: true, items: items.map((item) => ({ ...item, groupId: item.id })) });
  await create({ worker: 'thumbnail', source: { bucket, prefix: 'in/' } });
  await create({ worker: 'thumbnail', ordered: true, items: [{ id: 'x', payload: { bucket, key: 'in/a.png' } }] });
  for (const ordered of [false, true]) {
    const open = await create({ worker: 'record', open: true, ordered });
    await http(HTTP, 'POST', `/work-queue/jobs/${open}/items`, { body: { items: [{ id: 'one' }] } });
    await send('WorkQueueJobsQueue', { jobId: open, items: [{ id: 'two' }] });
    await settle();
    await http(HTTP, 'POST', `/work-queue/jobs/${open}/close`);
  }
  const cancelled = await create({ worker: 'record', items: [{ id: 'one' }] });
  await http(HTTP, 'POST', `/work-queue/jobs/${cancelled}/cancel`);
  await settle();
  const headers: [string, string][] = [['authorization', 'Bearer let-me-in']];
  await http(HTTP, 'PUT', '/work-queue/scaling', { headers, body: { automatic: SCALING } });
  await invoke(SCALER, {}).catch(() => undefined);
  for (const route of [`jobs/${job}`, `jobs/${job}/results`, 'dead-letters'])
    await http(HTTP, 'GET', `/work-queue/${route}`);
};

const undeliverable = async ({ http, send, settle }: StackWithRoles): Promise<void> => {
  await send('WorkQueueJobsQueue', 'no plan');
  await send('WorkQueueItemsQueue', 'no item');
  await send('WorkQueueOrderedItemsQueue', 'no item', { MessageGroupId: 'g' });
  await send('WorkQueueRedrivesQueue', 'no redrive');
  await send('WorkQueueJobsUndeliverableQueue', { jobId: 'given-up', worker: 'record', items: [] });
  // Twice the same message: the second finds the first one's burial.
  for (const id of ['lost', 'lost']) await send('WorkQueueItemsUndeliverableQueue', { id, worker: 'record' });
  for (const id of ['lost', 'lost'])
    await send('WorkQueueOrderedItemsUndeliverableQueue', { id, worker: 'record' }, { MessageGroupId: 'g' });
  await settle();
  const headers: [string, string][] = [['authorization', 'Bearer let-me-in']];
  // What is redriven fails again; at one letter in ten seconds the second redrive leaves the rest to a message.
  for (const ratePerSecond of [1_000, 0.1]) {
    const redrive = { body: { ratePerSecond }, headers };
    expect((await http(HTTP, 'POST', '/work-queue/dead-letters/redrive', redrive)).status).toBe(202);
    await settle();
  }
};

beforeAll(async () => {
  stack = await startWithRoles(SETTINGS);
  await drive(stack);
  await undeliverable(stack);
}, 400_000);
afterAll(() => stack.stop());

const LISTING = 'without it S3 says 403 of an object that is not there, not 404';
/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  'WorkQueueHttpLambdaFunction.IdempotencyTable.DeleteItem': 'to free the key of a request that ended in an error',
  'WorkQueuePlannerLambdaFunction.WorkQueueJobsQueue.SendMessage': 'to go on in another invocation when time is up',
  'WorkQueueWorkerLambdaFunction.WorkQueueMediaBucket.ListBucket': LISTING,
  'WorkQueueWorkerOrderedLambdaFunction.WorkQueueMediaBucket.ListBucket': LISTING,
  'WorkQueueScalingLambdaFunction.WorkQueueWorkerEventSourceMappingSQSWorkQueueItemsQueue.UpdateEventSourceMapping':
    'when the need has changed',
};

describe('the roles of the work queue', () => {
  test.each(FUNCTIONS)('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(0);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does, but for what is said here with a reason', () => {
    expect(FUNCTIONS.flatMap((id) => stack.idle(id))).toEqual(Object.keys(UNUSED));
  });
});

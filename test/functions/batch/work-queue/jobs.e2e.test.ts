import type { JobProgress } from '#batch/work-queue/types';
import { askPatiently, http, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';
import { scanKeys } from '../../../support/table-scan.ts';

const PART = 1000;
const PATIENCE_MS = 180_000;

let stack: TestStack;
beforeAll(async () => {
  // A kill costs what was in flight a receive.
  stack = await startTestStack({ env: { VISIBILITY_TIMEOUT_S: '6', MAX_RECEIVE_COUNT: '10' } });
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const api = (path: string): string => `${stack.info.apiUrl}/work-queue${path}`;
const jobOf = async (jobId: string): Promise<JobProgress> =>
  (await http('GET', api(`/jobs/${jobId}`))).json as JobProgress;
const ended = (job: JobProgress): boolean => job.status === 'done' || job.status === 'done-with-failures';
const callsOf = async (): Promise<Record<string, number>> =>
  (await http('GET', `${stack.info.awsEndpointUrl}/_stack/calls`)).json as Record<string, number>;

const post = async (path: string, body: unknown): Promise<{ jobId: string }> => {
  const answer = await askPatiently('POST', api(path), { body }, PATIENCE_MS);
  expect(answer.status).toBe(202);
  return answer.json as { jobId: string };
};

const openJob = async (count: number): Promise<string> => {
  const { jobId } = await post('/jobs', { worker: 'record', open: true });
  for (let at = 0; at < count; at += PART)
    await post(`/jobs/${jobId}/items`, {
      items: Array.from({ length: Math.min(PART, count - at) }, (_, index) => ({ id: `i${at + index}` })),
    });
  await post(`/jobs/${jobId}/close`, {});
  return jobId;
};

const effectsOf = async (jobId: string): Promise<readonly string[]> => {
  const table = Object.values(stack.info.tables).find((name) => name.includes('effects'));
  const keys = await scanKeys(stack.info.awsEndpointUrl, table ?? '');
  return keys.filter((key) => key.startsWith(`${jobId}/`));
};

test('a job of 10 000 items has 10 000 effects, none twice, for about 0.5 calls an item', async () => {
  await http('DELETE', `${stack.info.awsEndpointUrl}/_stack/calls`, {
    headers: { authorization: `Bearer ${stack.info.adminToken}` },
  });
  const jobId = await openJob(10_000);
  const job = await until(() => jobOf(jobId), ended, PATIENCE_MS, 500);
  expect(job).toMatchObject({ status: 'done', total: 10_000, done: 10_000, failed: 0, pending: 0, inFlight: 0 });
  const effects = await effectsOf(jobId);
  expect(effects.length).toBe(10_000);
  expect(new Set(effects).size).toBe(10_000);

  const calls = await callsOf();
  const count = (name: string): number => calls[name] ?? 0;
  // A batch of ten: one send, receive, claim, finish and delete. Some batches are not full. What finds nothing in a queue
  // is no matter of how many items there are.
  const perItem =
    (count('sqs.SendMessageBatch') +
      count('sqs.ReceiveMessage') -
      count('sqs.ReceiveMessage.empty') +
      count('sqs.DeleteMessageBatch') +
      count('dynamodb.PutItem') +
      count('dynamodb.TransactWriteItems')) /
    10_000;
  expect(perItem).toBeGreaterThan(0.45);
  expect(perItem).toBeLessThan(0.62);
  expect(count('dynamodb.TransactWriteItems') / 10_000).toBeLessThan(0.15);
}, 300_000);

test('a function host that is killed three times in the midst of a job loses nothing and doubles nothing', async () => {
  const total = 3_000;
  const jobId = await openJob(total);
  let kills = 0;
  for (const share of [0.15, 0.4, 0.65]) {
    await until(
      () => jobOf(jobId).catch(() => undefined),
      (job) => job !== undefined && (job.done >= share * total || ended(job)),
      PATIENCE_MS,
      50,
    );
    const { functionHostPid } = (await stack.refresh()) ?? {};
    if (typeof functionHostPid === 'number') {
      process.kill(functionHostPid, 'SIGKILL');
      kills += 1;
    }
    await until(
      async () => (await stack.refresh())?.functionHostPid,
      (pid) => typeof pid === 'number' && pid !== functionHostPid,
      60_000,
    );
  }
  expect(kills).toBe(3);
  const job = await until(() => jobOf(jobId), ended, PATIENCE_MS, 500);
  expect(job).toMatchObject({ status: 'done', total, done: total, failed: 0 });
  const effects = await effectsOf(jobId);
  expect(effects.length).toBe(total);
  expect(new Set(effects).size).toBe(total);
  const deadLetters = (await http('GET', api('/dead-letters'))).json as { deadLetters: readonly unknown[] };
  expect(deadLetters.deadLetters).toEqual([]);
}, 300_000);

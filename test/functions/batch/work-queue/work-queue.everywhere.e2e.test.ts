import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import type { JobProgress } from '#batch/work-queue/types';
import { askPatiently, http, until } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** What fails is tried five times, ever later; what a batch held comes back after the visibility timeout. */
const PATIENCE_MS = 150_000;
const TEST_MS = 2 * PATIENCE_MS;

interface Result {
  readonly id: string;
  readonly status: string;
  readonly reason?: string;
  readonly attempts: number;
  readonly output?: { readonly key: string };
}

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const api = (path: string): string => `${place.info.apiUrl}/work-queue${path}`;
const post = async (path: string, body: unknown, headers: Record<string, string> = {}): Promise<{ jobId: string }> => {
  const answer = await askPatiently('POST', api(path), { body, headers }, PATIENCE_MS);
  expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 202 });
  return answer.json as { jobId: string };
};
const jobOf = async (jobId: string): Promise<JobProgress> =>
  (await http('GET', api(`/jobs/${jobId}`))).json as JobProgress;
const ended = (job: JobProgress): boolean => job.status === 'done' || job.status === 'done-with-failures';
const endOf = (jobId: string): Promise<JobProgress> => until(() => jobOf(jobId), ended, PATIENCE_MS, 250);

/** Follows the cursors of a route that gives pages. */
const pagesOf = async <T>(path: string, field: string): Promise<readonly T[]> => {
  const found: T[] = [];
  let cursor: string | undefined;
  do {
    const query: string = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = (await http('GET', api(`${path}${query}`))).json as Record<string, unknown> & { cursor?: string };
    found.push(...(page[field] as readonly T[]));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
};
const resultsOf = (jobId: string): Promise<readonly Result[]> => pagesOf(`/jobs/${jobId}/results`, 'results');
const deadLettersOf = async (jobId: string | undefined): Promise<readonly { id?: string; reason: string }[]> => {
  const all = await pagesOf<{ jobId?: string; id?: string; reason: string }>('/dead-letters', 'deadLetters');
  return all.filter((letter) => letter.jobId === jobId);
};

const effectOf = async (id: string): Promise<Record<string, unknown> | undefined> => {
  const Key = { pk: { S: id }, sk: { S: 'effect' } };
  const TableName = place.table('work-queue-effects');
  return (await place.dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item;
};

test(
  'a job by HTTP ends with every item done once',
  async () => {
    const ids = Array.from({ length: 100 }, (_, index) => `i${index}`);
    const { jobId } = await post('/jobs', { worker: 'record', items: ids.map((id) => ({ id })) });
    expect(await endOf(jobId)).toMatchObject({ status: 'done', total: 100, done: 100, failed: 0, pending: 0 });
    const results = await resultsOf(jobId);
    expect(results.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    expect(await effectOf(`${jobId}/i7`)).toBeDefined();
  },
  TEST_MS,
);

test(
  'an item by queue message leaves its effect',
  async () => {
    const id = randomUUID();
    const QueueUrl = place.queue('work-queue-items');
    const MessageBody = JSON.stringify({ id, worker: 'record', payload: { from: 'a queue' } });
    await place.sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const effect = await until(() => effectOf(`direct/${id}`), Boolean, PATIENCE_MS, 250);
    expect(JSON.stringify(effect)).toContain('a queue');
  },
  TEST_MS,
);

test(
  'a job by queue message is planned and done',
  async () => {
    const jobId = randomUUID();
    const MessageBody = JSON.stringify({ jobId, worker: 'record', items: [{ id: 'a' }, { id: 'b' }] });
    await place.sqs.send(new SendMessageCommand({ QueueUrl: place.queue('work-queue-jobs'), MessageBody }));
    const job = await until(
      () => jobOf(jobId),
      ({ status }) => status === 'done',
      PATIENCE_MS,
      250,
    );
    expect(job).toMatchObject({ total: 2, done: 2 });
  },
  TEST_MS,
);

test(
  'urgent items are done, obsolete ones are dropped and counted, in packs and by themselves',
  async () => {
    const [deadlineAt, later] = ['2020-01-01T00:00:00Z', Date.now() + 86_400_000];
    const items = [
      { id: 'urgent', priority: 'high' },
      { id: 'urgent-late', priority: 'high', deadlineAt },
      { id: 'late', deadlineAt },
      { id: 'in-time', deadlineAt: later },
    ];
    for (const pack of [1, 2]) {
      const { jobId } = await post('/jobs', { worker: 'record', items, pack });
      const end = { status: 'done-with-failures', total: 4, done: 2, failed: 2, obsolete: 2, pending: 0, inFlight: 0 };
      expect(await endOf(jobId)).toEqual({ jobId, ...end });
      const byId = new Map((await resultsOf(jobId)).map((result) => [result.id, result]));
      expect(byId.get('urgent')).toMatchObject({ status: 'done' });
      expect(byId.get('urgent-late')).toMatchObject({ status: 'failed', reason: expect.stringContaining('deadline') });
      expect(await deadLettersOf(jobId)).toEqual([]);
    }
  },
  TEST_MS,
);

test(
  'the concurrency of the event source is what was put, until the controller decides',
  async () => {
    const headers = { authorization: `Bearer ${place.info.adminToken}` };
    const url = api('/scaling');
    // AWS refuses a change while the one before is still being carried out.
    const put = (body: object) =>
      until(
        () => http('PUT', url, { body, headers }),
        ({ status }) => status !== 503,
        PATIENCE_MS,
        500,
      );
    const limitIs = (limit: number | null) =>
      until(
        () => http('GET', url),
        ({ json }) => (json as { maximumConcurrency: number | null }).maximumConcurrency === limit,
        PATIENCE_MS,
        500,
      );
    expect((await http('PUT', url, { body: { maximumConcurrency: 3 } })).status).toBe(401);
    expect((await put({ maximumConcurrency: 1 })).status).toBe(400);
    expect((await put({ maximumConcurrency: 3 })).json).toMatchObject({ mode: 'fixed' });
    await limitIs(3);
    const automatic = { minConcurrency: 2, maxConcurrency: 10, drainMs: 60_000 };
    expect((await put({ automatic })).json).toMatchObject({
      mode: 'automatic',
      automatic,
      last: { concurrency: expect.any(Number) },
    });
    const { jobId } = await post('/jobs', { worker: 'record', items: [{ id: 'a' }] });
    expect(await endOf(jobId)).toMatchObject({ status: 'done', done: 1 });
    expect((await put({ maximumConcurrency: null })).json).toMatchObject({ mode: 'unlimited' });
    await limitIs(null);
  },
  TEST_MS,
);

test(
  'an ordered job ends with every item of every group done',
  async () => {
    const items = ['x', 'y', 'z'].flatMap((groupId) =>
      Array.from({ length: 5 }, (_, n) => ({ id: `${groupId}${n}`, groupId })),
    );
    const { jobId } = await post('/jobs', { worker: 'record', ordered: true, items });
    expect(await endOf(jobId)).toMatchObject({ status: 'done', total: 15, done: 15, failed: 0 });
  },
  TEST_MS,
);

test(
  'an item that always fails becomes a dead letter with a reason, one that fails once is done',
  async () => {
    const { jobId } = await post('/jobs', {
      worker: 'record',
      items: [{ id: 'good' }, { id: 'bad', payload: { fail: 'always' } }, { id: 'later', payload: { fail: 'once' } }],
    });
    expect(await endOf(jobId)).toMatchObject({ status: 'done-with-failures', total: 3, done: 2, failed: 1 });
    const byId = Object.fromEntries((await resultsOf(jobId)).map((result) => [result.id, result]));
    expect(byId['good']).toMatchObject({ status: 'done', attempts: 1 });
    expect(byId['later']).toMatchObject({ status: 'done', attempts: 2 });
    expect(byId['bad']).toMatchObject({ status: 'failed', reason: expect.stringContaining('always') });
    const letters = await until(
      () => deadLettersOf(jobId),
      (found) => found.length > 0,
      PATIENCE_MS,
      250,
    );
    expect(letters).toEqual([expect.objectContaining({ id: 'bad', reason: expect.stringContaining('always') })]);
  },
  TEST_MS,
);

test(
  'a queue message that is no item becomes a dead letter at once, with a reason',
  async () => {
    const before = await deadLettersOf(undefined);
    const MessageBody = `this is not JSON ${randomUUID()}`;
    await place.sqs.send(new SendMessageCommand({ QueueUrl: place.queue('work-queue-items'), MessageBody }));
    const now = await until(
      () => deadLettersOf(undefined),
      (found) => found.length > before.length,
      PATIENCE_MS,
      250,
    );
    expect(now).toContainEqual(expect.objectContaining({ reason: expect.stringContaining('JSON'), attempts: 1 }));
  },
  TEST_MS,
);

test(
  'images of a bucket become thumbnails; one that is mended is drawn after a redrive',
  async () => {
    const bucket = place.bucket('work-queue-media');
    const prefix = `everywhere/${randomUUID()}/`;
    const put = async (name: string, file: string): Promise<void> => {
      const Body = await readFile(`media/images/${file}`);
      await place.s3.send(new PutObjectCommand({ Bucket: bucket, Key: `${prefix}${name}`, Body }));
    };
    await put('good.png', 'portrait.png');
    await put('moving.gif', 'moving.gif');
    await put('broken.jpg', 'broken-cut-off.png');
    const { jobId } = await post('/jobs', { worker: 'thumbnail', source: { bucket, prefix } });
    expect(await endOf(jobId)).toMatchObject({ status: 'done-with-failures', total: 3, done: 2, failed: 1 });
    await until(
      () => deadLettersOf(jobId),
      (found) => found.length === 1,
      PATIENCE_MS,
      250,
    );

    await put('broken.jpg', 'grey.jpg');
    const admin = { authorization: `Bearer ${place.info.adminToken}` };
    await post('/dead-letters/redrive', { ratePerSecond: 50 }, admin);
    const mended = await until(
      () => jobOf(jobId),
      ({ status }) => status === 'done',
      PATIENCE_MS,
      250,
    );
    expect(mended).toMatchObject({ total: 3, done: 3, failed: 0 });
    for (const { output } of await resultsOf(jobId)) {
      const drawn = await place.s3.send(new GetObjectCommand({ Bucket: bucket, Key: output?.key ?? '' }));
      const bytes = Buffer.from((await drawn.Body?.transformToByteArray()) ?? []);
      expect(bytes.toString('latin1', 8, 12)).toBe('WEBP');
    }
  },
  TEST_MS,
);

import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { GetItemCommand } from '@aws-sdk/client-dynamodb';
import { HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { askPatiently, until, type HttpAnswer } from '../../../support/http.ts';
import { openPlace, type Place } from '../../../support/place.ts';

/** What a function held when it was ended comes back after the visibility timeout; of images that is longer. */
const PATIENCE_MS = 150_000;
const IMAGES_PATIENCE_MS = 400_000;

type Json = Readonly<Record<string, unknown>>;

let place: Place;
beforeAll(async () => {
  place = await openPlace();
}, 150_000);
afterAll(() => place.close(), 60_000);

const request = (method: string, path: string, body?: object): Promise<HttpAnswer> =>
  askPatiently(method, `${place.info.apiUrl}/coordinated${path}`, body === undefined ? {} : { body }, PATIENCE_MS);
const post = (path: string, body: object = {}): Promise<HttpAnswer> => request('POST', path, body);
const get = (path: string): Promise<HttpAnswer> => request('GET', path);
const send = (role: string, body: unknown): Promise<unknown> =>
  place.sqs.send(
    new SendMessageCommand({
      QueueUrl: place.queue(role),
      MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  );
const settled = async (path: string, patienceMs = PATIENCE_MS): Promise<Json> => {
  const isSettled = ({ json }: HttpAnswer): boolean => /^(fired|failed|done)$/.test(String((json as Json)['status']));
  return (await until(() => get(path), isSettled, patienceMs, 300)).json as Json;
};

const effectOf = async (joinId: string): Promise<string | undefined> => {
  const TableName = Object.keys(place.info.tables).find((name) => name.includes('effects')) ?? '';
  const Key = { pk: { S: `join:${joinId}` }, sk: { S: 'effect' } };
  const { Item } = await place.dynamodb.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }));
  return Item?.['outcome']?.S;
};

test(
  'a join of 20, each branch twice, by twelve clients in any order, fires once and leaves one effect',
  async () => {
    const names = Array.from({ length: 20 }, (_, index) => `branch ${index}`);
    const { status, json } = await post('/joins', { branches: names });
    expect(status).toBe(201);
    const { joinId } = json as { joinId: string };
    const arrivals = [...names, ...names].toReversed().values();
    const arrive = async (): Promise<void> => {
      for (const name of arrivals) {
        const answer = await post(`/joins/${joinId}/arrivals/${encodeURIComponent(name)}`);
        expect(answer.status).toBe(200);
      }
    };
    await Promise.all(Array.from({ length: 12 }, arrive));
    expect(await settled(`/joins/${joinId}`)).toMatchObject({
      status: 'fired',
      expected: 20,
      arrived: 20,
      missing: [],
    });
    expect(await effectOf(joinId)).toBe('complete');
  },
  2 * PATIENCE_MS,
);

test(
  'a deadline fails a join, says who is missing, and late ones are recorded as such',
  async () => {
    const { json } = await post('/joins', { branches: ['a', 'b'], deadlineMs: 5_000 });
    const { joinId } = json as { joinId: string };
    await post(`/joins/${joinId}/arrivals/a`);
    expect(await settled(`/joins/${joinId}`)).toMatchObject({ status: 'failed', missing: ['b'], outcome: 'deadline' });
    expect((await post(`/joins/${joinId}/arrivals/b`)).json).toEqual({ arrival: 'late', status: 'failed' });
    expect(await effectOf(joinId)).toBeUndefined();
  },
  2 * PATIENCE_MS,
);

test(
  'a join by queue messages alone; what cannot be read is a dead letter with the reason',
  async () => {
    const joinId = `by-queue-${randomUUID().slice(0, 8)}`;
    const broken = `{"branches": "${joinId}"}`;
    for (const body of [broken, { joinId, branches: ['a', 'b'] }, { joinId, branch: 'b' }, { joinId, branch: 'a' }])
      await send('coordinated-joins', body);
    const isThere = ({ status }: HttpAnswer): boolean => status === 200;
    await until(() => get(`/joins/${joinId}`), isThere, PATIENCE_MS, 300);
    expect(await settled(`/joins/${joinId}`)).toMatchObject({ status: 'fired', expected: 2 });
    const receive = new ReceiveMessageCommand({
      QueueUrl: place.queue('coordinated-joins-dead-letters'),
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ['All'],
      VisibilityTimeout: 1,
    });
    const letters = await until(
      async () => ((await place.sqs.send(receive)).Messages ?? []).filter(({ Body }) => Body === broken),
      (found) => found.length > 0,
      PATIENCE_MS,
    );
    expect(letters[0]?.MessageAttributes?.['reason']?.StringValue).toContain('invalid message');
  },
  2 * PATIENCE_MS,
);

test(
  'a sum in overlapping parts is that of the distinct items, by a tree of functions',
  async () => {
    const { json } = await post('/reductions', { kind: 'sum', open: true, fanIn: 2 });
    const { reductionId } = json as { reductionId: string };
    for (let part = 0; part < 5; part += 1) {
      const items = Array.from({ length: 60 }, (_, at) => ({ id: `i${part * 40 + at}`, value: part * 40 + at }));
      expect((await post(`/reductions/${reductionId}/items`, { items })).status).toBe(202);
    }
    expect((await post(`/reductions/${reductionId}/close`)).status).toBe(202);
    expect(await settled(`/reductions/${reductionId}`)).toMatchObject({
      status: 'done',
      items: 220,
      result: (219 * 220) / 2,
    });
  },
  2 * PATIENCE_MS,
);

test(
  'words of the objects of a bucket are counted, by a queue message',
  async () => {
    const reductionId = `words-${randomUUID().slice(0, 8)}`;
    const Bucket = place.bucket('coordinated-media');
    for (const [index, Body] of ['the cat', 'The dog and the cat'].entries())
      await place.s3.send(new PutObjectCommand({ Bucket, Key: `${reductionId}/${index}.txt`, Body }));
    const source = { bucket: Bucket, prefix: `${reductionId}/` };
    await send('coordinated-reductions', { reductionId, kind: 'wordcount', source });
    await until(
      () => get(`/reductions/${reductionId}`),
      ({ status }) => status === 200,
      PATIENCE_MS,
      300,
    );
    expect(await settled(`/reductions/${reductionId}`)).toMatchObject({
      status: 'done',
      result: { the: 3, cat: 2, dog: 1, and: 1 },
    });
  },
  2 * PATIENCE_MS,
);

test(
  'images are tagged, blurred and shrunk; the originals of the good ones go, the broken one is named, colours are counted',
  async () => {
    const Bucket = place.bucket('coordinated-media');
    const prefix = `in-${randomUUID().slice(0, 8)}/`;
    for (const file of ['grey.jpg', 'one-pixel.png', 'broken-text.jpg'])
      await place.s3.send(
        new PutObjectCommand({ Bucket, Key: `${prefix}${file}`, Body: readFileSync(`media/images/${file}`) }),
      );
    const { status, json } = await post('/images', { source: { prefix } });
    expect(status).toBe(202);
    const { imagesId } = json as { imagesId: string };
    const view = await settled(`/images/${imagesId}`, IMAGES_PATIENCE_MS);
    expect(view).toMatchObject({ status: 'done', total: 3, done: 2, failed: [{ key: `${prefix}broken-text.jpg` }] });
    const report = Object.values(view['report'] as Readonly<Record<string, number>>);
    expect(report.reduce((sum, count) => sum + count, 0)).toBe(2);
    const isThere = async (Key: string): Promise<boolean> =>
      place.s3.send(new HeadObjectCommand({ Bucket, Key })).then(
        () => true,
        () => false,
      );
    expect(await isThere(`${prefix}grey.jpg`)).toBe(false);
    expect(await isThere(`${prefix}broken-text.jpg`)).toBe(true);
    // In the order of the listing: broken-text, grey, one-pixel.
    for (const name of ['tags.json', 'blurred.webp', 'thumbnail.webp'])
      expect(await isThere(`made/${imagesId}/1/${name}`)).toBe(true);
  },
  2 * IMAGES_PATIENCE_MS,
);

import { readFileSync } from 'node:fs';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'CoordinatedHttpLambdaFunction';
const FUNCTIONS = [
  HTTP,
  'CoordinatedJoinsLambdaFunction',
  'CoordinatedReductionsLambdaFunction',
  'CoordinatedImagesLambdaFunction',
];

let stack: StackWithRoles;

/** Joins, reductions and images, each by HTTP and by queue, and what cannot be done. */
const drive = async ({ http, send, settle, s3, refOf }: StackWithRoles): Promise<void> => {
  const headers: [string, string][] = [['idempotency-key', 'one']];
  const join = async (body: object) =>
    (await http(HTTP, 'POST', '/coordinated/joins', { body, headers })).body['joinId'];
  const id = await join({ branches: ['a'] });
  await http(HTTP, 'POST', `/coordinated/joins/${id}/arrivals/a`, { body: { data: 1 } });
  for (const path of [`${id}`, `${id}/arrivals`]) await http(HTTP, 'GET', `/coordinated/joins/${path}`);
  await send('CoordinatedJoinsQueue', { joinId: 'open', open: true, deadlineMs: 1_000 });
  await settle();
  await send('CoordinatedJoinsQueue', { joinId: 'open', items: ['x', 'y'] });
  await settle();
  await send('CoordinatedJoinsQueue', { joinId: 'list', branches: ['x'] });
  await settle();
  for (const body of [{ joinId: 'list', branch: 'x', data: 1 }, 'nonsense']) await send('CoordinatedJoinsQueue', body);
  await settle();
  await http(HTTP, 'POST', '/coordinated/reductions', {
    body: { kind: 'sum', items: [{ id: 'a', value: 1 }] },
    headers,
  });
  const put = async (Key: string, Body: Uint8Array): Promise<void> => {
    const { PutObjectCommand } = await import('@aws-sdk/client-s3');
    await (await s3()).send(new PutObjectCommand({ Bucket: refOf('CoordinatedMediaBucket'), Key, Body }));
  };
  await put('text/a', Buffer.from('1 2'));
  const source = { bucket: refOf('CoordinatedMediaBucket'), prefix: 'text/' };
  const { body } = await http(HTTP, 'POST', '/coordinated/reductions', { body: { kind: 'sum', source } });
  await send('CoordinatedReductionsQueue', { reductionId: 'parts', kind: 'count', open: true, fanIn: 2 });
  await settle();
  for (const part of ['p', 'q'])
    await send('CoordinatedReductionsQueue', { reductionId: 'parts', part, items: [{ id: part }] });
  await send('CoordinatedReductionsQueue', 'nonsense');
  await settle();
  await send('CoordinatedReductionsQueue', { reductionId: 'parts', close: true });
  await settle();
  await http(HTTP, 'GET', `/coordinated/reductions/${body['reductionId']}`);
  for (const file of ['one-pixel.png', 'broken-text.jpg'])
    await put(`in/${file}`, readFileSync(`media/images/${file}`));
  const images = await http(HTTP, 'POST', '/coordinated/images', { body: { source: { prefix: 'in/' } } });
  await send('CoordinatedImagesQueue', 'nonsense');
  await settle();
  const { imagesId } = images.body;
  for (const joinId of [`image-${imagesId}-0`, `image-${imagesId}-1`, `images-${imagesId}`]) {
    // What the rule of the bus sends.
    await send('CoordinatedImagesQueue', { joinId, outcome: 'complete' });
    await settle();
  }
  await http(HTTP, 'GET', `/coordinated/images/${imagesId}`);
};

beforeAll(async () => {
  stack = await startWithRoles({ LOG_LEVEL: 'error' });
  await drive(stack);
}, 600_000);
afterAll(() => stack.stop());

const UNUSED = ['CoordinatedHttpLambdaFunction.IdempotencyTable.DeleteItem'];

describe('the roles of coordinated batch', () => {
  test.each(FUNCTIONS)('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(5);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does', () => {
    const idle = FUNCTIONS.flatMap((id) => stack.idle(id));
    expect(idle.filter((use) => !UNUSED.includes(use))).toEqual([]);
  });
});

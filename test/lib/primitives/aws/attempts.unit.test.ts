import { execFileSync } from 'node:child_process';
import { awsTable } from '#primitives/aws/table';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';
import { json, lost, startAnsweringServer, type Answer } from '../../../support/answering-server.ts';

const key = (sort: string) => ({ partition: 'p', sort });
const item = (sort: string) => ({ pk: { S: 'p' }, sk: { S: sort }, sort: { S: sort } });

/** A table whose server answers attempt after attempt with one of `answers`, the last of them for ever. */
const tableAnswering = async (answers: readonly Answer[]) => {
  const server = await startAnsweringServer(answers);
  const clock = memoryClock();
  return { ...server, clock, table: awsTable({ name: 't', clients: server.clients, clock, random: seededRandom(1) }) };
};

/** Says that 100 bytes come, sends some of them, and then nothing more. */
const stalled: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0', 'content-length': '100' }).write('{"Item":');
};
const throttled = json(400, { __type: 'x#ThrottlingException', message: 'slow down' });

test.each([
  ['its only answers were lost', [lost], 'primitives/outcome-unknown'],
  ['a first answer was lost and the rest throttled', [lost, throttled], 'primitives/outcome-unknown'],
  ['it was throttled', [throttled], 'primitives/unavailable'],
  ['the service failed inside', [json(500, { __type: 'InternalServerError' })], 'primitives/outcome-unknown'],
  ['the service was unavailable', [json(503, { __type: 'ServiceUnavailable' })], 'primitives/unavailable'],
  ['the table does not exist', [json(400, { __type: 'x#ResourceNotFoundException' })], 'primitives/invalid-argument'],
  [
    'a transaction held the record',
    [json(400, { __type: 'x#TransactionConflictException' })],
    'primitives/unavailable',
  ],
  ['it is not allowed', [json(400, { __type: 'x#AccessDeniedException' })], 'primitives/refused'],
] as const)('a write is known to be what it is when %s', async (_, answers, code) => {
  const { table, attempts, stop } = await tableAnswering(answers);
  try {
    await expect(table.put({ key: key('s'), fields: {} })).rejects.toMatchObject({ code });
    expect(attempts()).toBeLessThanOrEqual(3);
  } finally {
    await stop();
  }
});

test('nothing was applied when no connection came about', async () => {
  const { table, close, stop } = await tableAnswering([lost]);
  try {
    await close();
    await expect(table.put({ key: key('s'), fields: {} })).rejects.toMatchObject({ code: 'primitives/unavailable' });
  } finally {
    await stop();
  }
});

test('an answer that stops after it began ends its attempt after 5 s, and the call is attempted again', async () => {
  const { table, attempts, stop } = await tableAnswering([stalled, json(200, { Item: item('s') })]);
  try {
    await expect(table.get(key('s'))).resolves.toEqual({ sort: 's' });
    expect(attempts()).toBe(2);
  } finally {
    await stop();
  }
});

test('a transaction whose token is in use may be applied at this moment: its outcome is unknown', async () => {
  const { table, stop } = await tableAnswering([json(400, { __type: 'x#TransactionInProgressException' })]);
  try {
    const transaction = table.transact([{ kind: 'put', key: key('s'), fields: {} }], { token: 'mine' });
    await expect(transaction).rejects.toMatchObject({ code: 'primitives/outcome-unknown', retryable: true });
  } finally {
    await stop();
  }
});

test('getMany asks again for what DynamoDB left out, five rounds at most', async () => {
  const left = { UnprocessedKeys: { t: { Keys: [{ pk: { S: 'p' }, sk: { S: 'b' } }] } } };
  const first = json(200, { Responses: { t: [item('a')] }, ...left });
  const second = json(200, { Responses: { t: [item('b')] } });
  const willing = await tableAnswering([first, second]);
  const never = await tableAnswering([json(200, { Responses: {}, ...left })]);
  // The waits between the rounds are on a clock that passes as fast as it can.
  const passing = async <T>(clock: ReturnType<typeof memoryClock>, work: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    work.then(over, over);
    while (!isOver) await clock.advance(1000);
    return work;
  };
  try {
    const found = await passing(willing.clock, willing.table.getMany([key('a'), key('b')]));
    expect(found).toEqual([{ sort: 'a' }, { sort: 'b' }]);
    expect(willing.attempts()).toBe(2);
    const exhausted = passing(never.clock, never.table.getMany([key('b')]));
    await expect(exhausted).rejects.toMatchObject({ code: 'primitives/unavailable' });
    expect(never.attempts()).toBe(5);
  } finally {
    await willing.stop();
    await never.stop();
  }
});

test('making the primitives loads no SDK', () => {
  const script = `
    const { awsTable } = await import('#primitives/aws/table');
    const { awsQueue } = await import('#primitives/aws/queue');
    const { createRequire } = await import('node:module');
    awsTable({ name: 't' });
    awsQueue({ url: 'http://127.0.0.1/0/q' });
    const loaded = Object.keys(createRequire(process.cwd() + '/x').cache).filter((file) => file.includes('@aws-sdk'));
    console.log(loaded.length);
  `;
  const args = ['--experimental-strip-types', '--input-type=module', '-e', script];
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()).toBe('0');
});

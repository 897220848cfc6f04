import { execFileSync } from 'node:child_process';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { awsClients } from '#primitives/aws/clients';
import { awsTable } from '#primitives/aws/table';
import { memoryClock } from '#primitives/memory/clock';
import { seededRandom } from '#primitives/memory/random';

const key = (sort: string) => ({ partition: 'p', sort });
const item = (sort: string) => ({ pk: { S: 'p' }, sk: { S: sort }, sort: { S: sort } });

/** A table whose server answers attempt after attempt with one of `answers`, the last of them for ever. */
const tableAnswering = async (answers: readonly ((response: ServerResponse) => void)[]) => {
  Object.assign(process.env, { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' });
  let attempts = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const answer = answers[Math.min(attempts, answers.length - 1)];
      attempts += 1;
      answer?.(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clients = awsClients({ environment: { AWS_ENDPOINT_URL: url } });
  const clock = memoryClock();
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return {
    table: awsTable({ name: 't', clients, clock, random: seededRandom(1) }),
    clock,
    close,
    attempts: () => attempts,
    stop: async () => {
      await clients.close();
      if (server.listening) await close();
    },
  };
};

const json = (status: number, body: object) => (response: ServerResponse) => {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(body));
};
const lost = (response: ServerResponse): void => void response.destroy();
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

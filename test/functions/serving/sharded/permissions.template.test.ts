import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'ShardedHttpLambdaFunction';
const FUNCTIONS = [HTTP, 'ShardedReshardLambdaFunction'];
const SETTINGS = { ADMIN_TOKEN: 'let-me-in', LOG_LEVEL: 'error' };
const KEY_COUNT = 40;

let stack: StackWithRoles;

/** Keys on all tables, a shard more and a shard less, and what cannot be done. */
const drive = async ({ http, send, settle }: StackWithRoles): Promise<void> => {
  const headers: [string, string][] = [
    ['authorization', 'Bearer let-me-in'],
    ['idempotency-key', 'one'],
  ];
  for (let at = 4; at < 8; at += 1) {
    await send('ShardedShardsQueue', { name: `shard-${at}` });
    await settle();
  }
  const put = async (): Promise<void> => {
    for (let at = 0; at < KEY_COUNT; at += 1) {
      await http(HTTP, 'PUT', `/sharded/cache/k${at}`, { body: { value: at } });
      await http(HTTP, 'GET', `/sharded/cache/k${at}`);
    }
  };
  await put();
  // Its answer has no body, which `http` would parse.
  await http(HTTP, 'DELETE', '/sharded/cache/k1').catch(() => undefined);
  for (const path of ['shards', 'resharding', 'explain/k2']) await http(HTTP, 'GET', `/sharded/${path}`);
  await http(HTTP, 'POST', '/sharded/shards', { body: { name: 'more', weight: 8 }, headers });
  await put();
  await settle();
  await send('ShardedShardsQueue', 'no change');
  await settle();
  await http(HTTP, 'DELETE', '/sharded/shards/more', { headers });
  await put();
  await settle();
};

beforeAll(async () => {
  stack = await startWithRoles(SETTINGS);
  await drive(stack);
}, 400_000);
afterAll(() => stack.stop());

const LATE = /\.ShardedShard\dTable\.(DeleteItem|GetItem|PutItem)$/;
const UNUSED = [
  'ShardedHttpLambdaFunction.IdempotencyTable.DeleteItem',
  // To go on in another invocation when the time is up.
  'ShardedReshardLambdaFunction.ShardedShardsQueue.SendMessage',
];

describe('the roles of the sharded service', () => {
  test.each(FUNCTIONS)('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(10);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does, but on the tables of shards, where that depends on chance', () => {
    const idle = FUNCTIONS.flatMap((id) => stack.idle(id));
    expect(idle.filter((use) => !LATE.test(use) && !UNUSED.includes(use))).toEqual([]);
  });
});

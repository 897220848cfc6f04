import { startService, type TestService } from './services.ts';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'AmbassadorHttpLambdaFunction';
const FUNCTIONS = ['Http', 'Split', 'Shadows'].map((role) => `Ambassador${role}LambdaFunction`);

let service: TestService;
let stack: StackWithRoles;

/** What an ambassador goes through: all of its routes, a rollback, a shadow, a breaker that opens, messages. */
const drive = async ({ http, send, settle }: StackWithRoles): Promise<void> => {
  const headers: [string, string][] = [['authorization', 'Bearer let-me-in']];
  const put = async (path: string, body: object): Promise<void> => {
    expect((await http(HTTP, 'PUT', `/ambassador/${path}`, { body, headers })).status).toBe(200);
  };
  for (const name of ['good', 'bad', 'dark']) await put(`services/${name}`, { target: `${service.url}/${name}` });
  service.behave(({ url }, response) => response.writeHead(url.startsWith('/bad') ? 500 : 200).end('{}'));
  await put('experiments/e', {
    variants: ['good', 'bad'].map((each) => ({ service: each, weight: 1 })),
    rollback: { errorRate: 0.1, minRequests: 3 },
    shadow: 'dark',
  });
  for (let n = 0; n < 20; n += 1) await http(HTTP, 'POST', '/ambassador/split/e/x');
  for (let n = 0; n < 15; n += 1) await http(HTTP, 'POST', '/ambassador/broker/bad/x');
  for (const path of ['services/good', 'experiments/e', 'breakers/bad', 'shards/k'])
    await http(HTTP, 'GET', `/ambassador/${path}`);
  await put('shards/k', { value: 1 });
  await put('experiments/traffic', {
    variants: ['stable', 'canary'].map((each) => ({ service: each, weight: 1 })),
  });
  for (let n = 0; n < 20; n += 1) await send('AmbassadorTrafficQueue', { n });
  await settle();
};

beforeAll(async () => {
  service = await startService();
  stack = await startWithRoles({
    ADMIN_TOKEN: 'let-me-in',
    VISIBILITY_TIMEOUT_S: '6',
    LOG_LEVEL: 'error',
    AMBASSADOR_LOCAL_TARGETS: service.host,
  });
  await drive(stack);
}, 400_000);
afterAll(async () => {
  await stack?.stop();
  await service.close();
});

describe('the roles of the ambassador', () => {
  test.each(FUNCTIONS)('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(0);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does', () => {
    const idle = FUNCTIONS.flatMap((id) => stack.idle(id));
    expect(idle).toEqual([]);
  });
});

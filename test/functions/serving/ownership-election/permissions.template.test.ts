import { allowedTo } from '../../../template/permissions.ts';
import { startWithRoles, type StackWithRoles } from '../../../template/roles.ts';

const HTTP = 'OwnershipElectionHttpLambdaFunction';
const LEADER = 'OwnershipElectionLeaderLambdaFunction';

let stack: StackWithRoles;

const drive = async ({ http, invoke }: StackWithRoles): Promise<void> => {
  const headers: [string, string][] = [['idempotency-key', 'k']];
  const ask = (method: string, url: string, body?: object) =>
    http(HTTP, method, `/ownership${url}`, body === undefined ? {} : { body });
  const body = { holder: 'a', leaseMs: 60_000 };
  const acquired = await http(HTTP, 'POST', '/ownership/locks/l/acquire', { body, headers });
  const own = { holder: 'a', fencingToken: Number(acquired.body['fencingToken']) };
  await ask('POST', '/locks/l/renew', own);
  await ask('POST', '/locks/l/release', own);
  await ask('GET', '/locks/l');
  await ask('PUT', '/resources/r', { fencingToken: 1, value: 1 });
  await ask('GET', '/resources/r');
  await ask('POST', '/counters/c', { add: 1 });
  await http(HTTP, 'POST', '/ownership/counters/c', { body: { add: 1 }, headers });
  await invoke(LEADER, {});
  await invoke(LEADER, {});
  await ask('GET', '/leader');
};

beforeAll(async () => {
  stack = await startWithRoles({ LOG_LEVEL: 'error' });
  await drive(stack);
}, 400_000);
afterAll(() => stack.stop());

/** Allowed although no call is made here that needs it, with the reason. */
const UNUSED: Readonly<Record<string, string>> = {
  [`${HTTP}.IdempotencyTable.DeleteItem`]: 'to free the key of a request that ended in an error',
  // The function is named by its ARN, not by its id.
  [`${HTTP}..InvokeFunction`]: 'to elect when nobody leads yet',
};

describe('the roles of ownership election', () => {
  test.each([HTTP, LEADER])('%s may do all that it does', (id) => {
    expect(stack.usedBy(id).size).toBeGreaterThan(0);
    expect(stack.refused(id)).toEqual([]);
  });

  test('none may do what it never does, but for what is said here with a reason', () => {
    expect([HTTP, LEADER].flatMap((id) => stack.idle(id)).toSorted()).toEqual(Object.keys(UNUSED).toSorted());
  });

  test('nobody may delete a lock or a guarded resource, and neither expires: tokens are not forgotten', () => {
    for (const role of ['Locks', 'Resources']) {
      const table = `OwnershipElection${role}Table`;
      const allowed = Object.keys(stack.template.Resources).flatMap((id) =>
        stack.template.Resources[id]?.Type === 'AWS::Lambda::Function' ? [...allowedTo(stack.template, id)] : [],
      );
      expect(allowed.filter((use) => use.startsWith(`${table}.`)).length).toBeGreaterThan(0);
      expect(allowed.filter((use) => use === `${table}.DeleteItem`)).toEqual([]);
      expect(stack.template.Resources[table]?.Properties).not.toHaveProperty('TimeToLiveSpecification');
    }
  });
});

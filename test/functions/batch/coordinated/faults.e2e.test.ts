import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';
import { scanKeys } from '../../../support/table-scan.ts';

const PATIENCE_MS = 240_000;
const JOINS = 4;
const BRANCHES = 5;
/** Distinct items of as many overlapping parts. */
const ITEMS = (JOINS - 1) * 20 + 30;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ env: { VISIBILITY_TIMEOUT_S: '12' } });
}, 150_000);
afterAll(() => stack.stop(), 60_000);

type Json = Readonly<Record<string, unknown>>;

const request = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
  http(method, `${stack.info.apiUrl}${path}`, { headers, ...(body === undefined ? {} : { body }) }).catch(
    () => undefined,
  );
/** Comes again after a 5xx, an answer that got lost, and while the first one still runs. */
const patiently = async (method: string, path: string, body?: object, key?: string): Promise<HttpAnswer> => {
  const answer = await until(
    () => request(method, path, body, key === undefined ? {} : { 'idempotency-key': key }),
    (given) => given !== undefined && given.status < 500 && given.status !== 409,
    PATIENCE_MS,
    300,
  );
  if (answer === undefined) throw new Error('There was no answer.');
  return answer;
};
const setFaults = async (faults: readonly object[]): Promise<void> => {
  const headers = { authorization: `Bearer ${stack.info.adminToken}` };
  expect((await request('PUT', '/faults', { faults }, headers))?.status).toBe(200);
};
const kill = async (): Promise<void> => {
  const { functionHostPid } = (await stack.refresh()) ?? {};
  if (functionHostPid !== undefined && functionHostPid !== null) process.kill(functionHostPid, 'SIGKILL');
};
const settled = async (path: string): Promise<Json> => {
  const isSettled = (answer: HttpAnswer): boolean => /^(fired|done)$/.test(String((answer.json as Json)['status']));
  return (await until(() => patiently('GET', path), isSettled, PATIENCE_MS, 500)).json as Json;
};

test(
  'joins fire once each, and a reduction is exact, while functions are killed, answers get lost and transactions conflict',
  async () => {
    await setFaults([
      { at: 'table/coordinated-state', kind: 'lose-answer', rate: 0.05, seed: 1 },
      { at: 'table/coordinated-state', kind: 'conflict', rate: 0.05, seed: 2 },
      { at: 'queue/coordinated-joins', kind: 'duplicate', rate: 0.2, seed: 3 },
      { at: 'bus', kind: 'error', rate: 0.3, seed: 4 },
      { at: 'coordinated/reductions', kind: 'crash', times: 1 },
    ]);
    const names = Array.from({ length: BRANCHES }, (_, index) => `b${index}`);
    const { json: reduction } = await patiently(
      'POST',
      '/coordinated/reductions',
      { kind: 'sum', open: true, fanIn: 2 },
      'r',
    );
    const { reductionId } = reduction as { reductionId: string };
    const joinIds: string[] = [];
    for (let at = 0; at < JOINS; at += 1) {
      const { json } = await patiently('POST', '/coordinated/joins', { branches: names }, `join-${at}`);
      joinIds.push((json as { joinId: string }).joinId);
      const items = Array.from({ length: 30 }, (_, index) => ({ id: `${at * 20 + index}`, value: 1 }));
      await patiently('POST', `/coordinated/reductions/${reductionId}/items`, { items }, `part-${at}`);
    }
    const arrive = async (joinId: string): Promise<void> => {
      for (const name of names) await patiently('POST', `/coordinated/joins/${joinId}/arrivals/${name}`);
    };
    const arrivals = Promise.all(joinIds.map(arrive));
    await kill();
    await arrivals;
    await patiently('POST', `/coordinated/reductions/${reductionId}/close`);
    await kill();
    expect(await settled(`/coordinated/reductions/${reductionId}`)).toMatchObject({
      status: 'done',
      items: ITEMS,
      result: ITEMS,
    });
    await setFaults([]);
    for (const joinId of joinIds)
      expect(await settled(`/coordinated/joins/${joinId}`)).toMatchObject({ status: 'fired', arrived: BRANCHES });
    const effects = Object.keys(stack.info.tables).find((name) => name.includes('effects')) ?? '';
    const keys = await scanKeys(stack.info.awsEndpointUrl, effects);
    expect(keys.toSorted()).toEqual(joinIds.map((joinId) => `join:${joinId}`).toSorted());
  },
  3 * PATIENCE_MS,
);

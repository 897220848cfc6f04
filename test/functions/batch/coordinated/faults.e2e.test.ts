import { killFunctions, setFaults } from '../../../support/breaking.ts';
import { askPatiently, until, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';
import { scanKeys } from '../../../support/table-scan.ts';

const PATIENCE_MS = 240_000;
const JOINS = 4;
const BRANCHES = 5;
/** Distinct items of as many overlapping parts. */
const ITEMS = (JOINS - 1) * 20 + 30;

let stack: TestStack;
beforeAll(async () => {
  // Kills, and messages that come twice, cost receives.
  stack = await startTestStack({ env: { VISIBILITY_TIMEOUT_S: '12', MAX_RECEIVE_COUNT: '10' } });
}, 150_000);
afterAll(() => stack.stop(), 60_000);

type Json = Readonly<Record<string, unknown>>;

const patiently = (method: string, path: string, body?: object, key?: string): Promise<HttpAnswer> => {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  return askPatiently(method, `${stack.info.apiUrl}${path}`, { body, headers }, PATIENCE_MS);
};
const settled = async (path: string): Promise<Json> => {
  const isSettled = (answer: HttpAnswer): boolean => /^(fired|done)$/.test(String((answer.json as Json)['status']));
  return (await until(() => patiently('GET', path), isSettled, PATIENCE_MS, 500)).json as Json;
};

test(
  'joins fire once each, and a reduction is exact, while functions are killed, answers get lost and transactions conflict',
  async () => {
    await setFaults(stack, [
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
    await killFunctions(stack);
    await arrivals;
    await patiently('POST', `/coordinated/reductions/${reductionId}/close`);
    await killFunctions(stack);
    expect(await settled(`/coordinated/reductions/${reductionId}`)).toMatchObject({
      status: 'done',
      items: ITEMS,
      result: ITEMS,
    });
    await setFaults(stack, []);
    for (const joinId of joinIds)
      expect(await settled(`/coordinated/joins/${joinId}`)).toMatchObject({ status: 'fired', arrived: BRANCHES });
    const effects = Object.keys(stack.info.tables).find((name) => name.includes('effects')) ?? '';
    const keys = await scanKeys(stack.info.awsEndpointUrl, effects);
    expect(keys.toSorted()).toEqual(joinIds.map((joinId) => `join:${joinId}`).toSorted());
  },
  3 * PATIENCE_MS,
);

import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 120_000;
const TEST_MS = 2 * PATIENCE_MS;
const ADDITIONS = 40;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const request = (method: string, path: string, body: object, headers: Record<string, string> = {}) =>
  http(method, `${stack.info.apiUrl}${path}`, { body, headers }).catch(() => undefined);

/** Comes again after a 5xx, an answer that got lost, and while the first one still runs. */
const patiently = async (path: string, body: object, key: string): Promise<HttpAnswer> => {
  const answer = await until(
    () => request('POST', path, body, { 'idempotency-key': key }),
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

test(
  'additions count once each while answers get lost, transactions conflict and the functions are killed',
  async () => {
    await setFaults([
      { at: 'table/ownership-election-counters', kind: 'lose-answer', rate: 0.15, seed: 1 },
      { at: 'table/ownership-election-counters', kind: 'conflict', rate: 0.15, seed: 2 },
      { at: 'ownership-election/http', kind: 'crash', times: 1 },
    ]);
    const indices = Array.from({ length: ADDITIONS }, (_, index) => index);
    for (let at = 0; at < ADDITIONS; at += 4)
      await Promise.all(
        indices.slice(at, at + 4).map((index) => patiently('/ownership/counters/c', { add: 1 }, `add-${index}`)),
      );
    await setFaults([]);
    const { json } = await patiently('/ownership/counters/c', { add: 0 }, 'read');
    expect(json).toEqual({ value: ADDITIONS, conflicts: 0 });
  },
  TEST_MS,
);

test(
  'tokens rise and every acquisition is known as such while answers of the table get lost',
  async () => {
    await setFaults([{ at: 'table/ownership-election-locks', kind: 'lose-answer', rate: 0.3, seed: 3 }]);
    const tokens: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const body = { holder: `h${round}`, leaseMs: 1_000 };
      const { json } = await patiently('/ownership/locks/l/acquire', body, `acquire-${round}`);
      const { fencingToken } = json as { fencingToken: number };
      tokens.push(fencingToken);
      // What is not released because nobody knows is free a lease later.
      await request('POST', '/ownership/locks/l/release', { holder: body.holder, fencingToken });
    }
    await setFaults([]);
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
    expect(tokens).toHaveLength(10);
  },
  TEST_MS,
);

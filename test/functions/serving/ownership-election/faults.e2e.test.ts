import { setFaults } from '../../../support/breaking.ts';
import { askPatiently, http, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const PATIENCE_MS = 120_000;
const TEST_MS = 2 * PATIENCE_MS;
const ADDITIONS = 40;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack();
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const patiently = (path: string, body: object, key: string): Promise<HttpAnswer> =>
  askPatiently('POST', `${stack.info.apiUrl}${path}`, { body, headers: { 'idempotency-key': key } }, PATIENCE_MS);

test(
  'additions count once each while answers get lost, transactions conflict and the functions are killed',
  async () => {
    await setFaults(stack, [
      { at: 'table/ownership-election-counters', kind: 'lose-answer', rate: 0.15, seed: 1 },
      { at: 'table/ownership-election-counters', kind: 'conflict', rate: 0.15, seed: 2 },
      { at: 'ownership-election/http', kind: 'crash', times: 1 },
    ]);
    const indices = Array.from({ length: ADDITIONS }, (_, index) => index);
    for (let at = 0; at < ADDITIONS; at += 4)
      await Promise.all(
        indices.slice(at, at + 4).map((index) => patiently('/ownership/counters/c', { add: 1 }, `add-${index}`)),
      );
    await setFaults(stack, []);
    const { json } = await patiently('/ownership/counters/c', { add: 0 }, 'read');
    expect(json).toEqual({ value: ADDITIONS, conflicts: 0 });
  },
  TEST_MS,
);

test(
  'tokens rise and every acquisition is known as such while answers of the table get lost',
  async () => {
    await setFaults(stack, [{ at: 'table/ownership-election-locks', kind: 'lose-answer', rate: 0.3, seed: 3 }]);
    const tokens: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const body = { holder: `h${round}`, leaseMs: 1_000 };
      const { json } = await patiently('/ownership/locks/l/acquire', body, `acquire-${round}`);
      const { fencingToken } = json as { fencingToken: number };
      tokens.push(fencingToken);
      // What is not released because nobody knows is free a lease later.
      const release = { holder: body.holder, fencingToken };
      await http('POST', `${stack.info.apiUrl}/ownership/locks/l/release`, { body: release }).catch(() => undefined);
    }
    await setFaults(stack, []);
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b));
    expect(tokens).toHaveLength(10);
  },
  TEST_MS,
);

import { createServer, type Server } from 'node:http';
import { faultRoute } from '../../../localstack/embedded/fault-route.ts';
import { faultInjector, type FaultInjector } from '../../../localstack/embedded/faults.ts';
import { fixedRandom, TOKEN } from './fixture.ts';

let faults: FaultInjector;
let server: Server;
let url: string;
let places: readonly string[] | undefined;
beforeEach(async () => {
  faults = faultInjector({ random: fixedRandom(0), service: 'svc', stage: 'local' });
  places = undefined;
  const route = faultRoute({ faults, adminToken: TOKEN, places: () => places });
  server = createServer((request, response) => {
    route(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/faults`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const put = (body: string | Uint8Array<ArrayBuffer>): Promise<Response> =>
  fetch(url, {
    method: 'PUT',
    headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
    body,
  });

const EXPECTED = 'Expected the body to be {"faults": [{at, kind, …}, …]}, got ';

test.each([
  ['', 'The body is not JSON.'],
  ['{', 'The body is not JSON.'],
  [Uint8Array.from([0x7b, 0xff, 0x7d]), 'The body is not JSON.'],
  ['{}', `${EXPECTED}{}.`],
  ['null', `${EXPECTED}null.`],
  ['[{"at":"bus","kind":"error"}]', `${EXPECTED}[{"at":"bus","kind":"error"}].`],
  ['{"fault":[]}', `${EXPECTED}{"fault":[]}.`],
  ['{"faults":{}}', "Expected 'faults' to be a list of at most 100 switches, got {}."],
])('a body %j is 400, says what is wrong with it, and changes no switch', async (body, detail) => {
  faults.put([{ at: 'bus', kind: 'error' }]);
  const answer = await put(body);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
  expect(await answer.json()).toMatchObject({ title: 'Bad Request', status: 400, detail });
  expect(faults.list()).toHaveLength(1);
});

const PLACES = [
  'bus',
  'queue/svc-local-items',
  'table/svc-local-work-queue-jobs',
  'function/svc-local-work-queue-worker',
];
const switchAt = (at: string): string =>
  JSON.stringify({
    faults: [
      { at: 'bus', kind: 'error' },
      { at, kind: 'error' },
    ],
  });

test.each([
  'queue/items',
  'queue/svc-local-items',
  'work-queue/jobs',
  'work-queue/worker',
  'function/work-queue-worker',
])('a switch at %s, which the stack has, is taken', async (at) => {
  places = PLACES;
  expect((await put(switchAt(at))).status).toBe(200);
});

test.each([
  ['queue/item', 'queue/items'],
  ['table/items', 'table/work-queue-jobs'],
  ['bus/items', 'bus'],
  ['work-queue/workr', 'function/work-queue-worker'],
  ['function/work', 'function/work-queue-worker'],
  ['queues/items', 'function/work-queue-worker'],
])('a switch at %s, which could never fire, is 400 and says first what is nearest', async (at, nearest) => {
  places = PLACES;
  faults.put([{ at: 'bus', kind: 'delay', ms: 1 }]);
  const answer = await put(switchAt(at));
  expect(answer.status).toBe(400);
  const said = `Expected 'faults[1].at' to be a place of this stack, got "${at}"; near: ${nearest}, `;
  expect(await answer.json()).toMatchObject({ detail: expect.stringContaining(said) });
  expect(faults.list()).toEqual([{ at: 'bus', kind: 'delay', ms: 1, fired: 0 }]);
});

test('a body that is nested deeper than anything can show is 400', async () => {
  const deep = '['.repeat(30_000) + ']'.repeat(30_000);
  const answer = await put(deep);
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ detail: `${EXPECTED}a value that is nested too deeply.` });
});

test('a list replaces the switches, and is given back', async () => {
  faults.put([{ at: 'bus', kind: 'error' }]);
  const answer = await put('{"faults":[{"at":"queue/x","kind":"delay","ms":1}]}');
  expect([answer.status, await answer.json()]).toEqual([
    200,
    { faults: [{ at: 'queue/x', kind: 'delay', ms: 1, fired: 0 }] },
  ]);
  expect(faults.list().map(({ at }) => at)).toEqual(['queue/x']);
});

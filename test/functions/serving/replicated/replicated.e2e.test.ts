import { randomUUID } from 'node:crypto';
import { killFunctions, setFaults, untilReplaced } from '../../../support/breaking.ts';
import { http, until, type HttpAnswer } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const FILLING_MS = 120_000;
const TEST_MS = 300_000;
/** A value of another replica counts as older by the skew that is allowed for, and jitter takes off a tenth. */
const FRESH_MS = 20_000 - 5_000 - 2_000;

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ env: { CACHE_TTL_MS: '20000' } });
  await until(
    () => http('GET', `${stack.info.apiUrl}/replicated/ready`),
    ({ status }) => status === 200,
    FILLING_MS,
    250,
  );
}, 300_000);
afterAll(() => stack.stop(), 60_000);

const ask = (path: string, method = 'GET', body?: unknown): Promise<HttpAnswer> =>
  http(method, `${stack.info.apiUrl}/replicated${path}`, {
    headers: { 'x-client-id': randomUUID() },
    ...(body === undefined ? {} : { body }),
  });
/** A machine that is busy answers some requests with 504: their clients come again. */
const askOften = (path: string, method = 'GET', body?: unknown): Promise<HttpAnswer> =>
  until(
    () => ask(path, method, body),
    ({ status }) => ![502, 503, 504].includes(status),
    120_000,
  );
const callsOf = async (operation: string): Promise<number> =>
  ((await http('GET', `${stack.info.awsEndpointUrl}/_stack/calls`)).json as Record<string, number>)[operation] ?? 0;
const withFaults = (...faults: readonly object[]): Promise<void> => setFaults(stack, faults);

test(
  '1 000 who miss at once, on eight replicas, are one load',
  async () => {
    // So that all replicas are there.
    await Promise.all(Array.from({ length: 40 }, () => askOften('/dictionary/house')));
    const before = await callsOf('s3.GetObject');
    const startedMs = performance.now();
    const url = `${stack.info.apiUrl}/replicated/dictionary/otter`;
    const answers = await Promise.all(
      Array.from({ length: 1_000 }, async () => {
        const signal = AbortSignal.timeout(240_000);
        const answer = await fetch(url, { headers: { 'x-client-id': randomUUID() }, signal });
        return { status: answer.status, headers: answer.headers, text: await answer.text() };
      }),
    );
    const tookMs = performance.now() - startedMs;
    // On a machine that is so slow that the word gets stale meanwhile, it is loaded anew.
    expect((await callsOf('s3.GetObject')) - before).toBeLessThanOrEqual(1 + Math.floor(tookMs / FRESH_MS));
    const found = answers.filter(({ status }) => status === 200);
    // The others were too late on a machine that is busy.
    expect(answers.filter(({ status }) => status !== 200 && status !== 504)).toEqual([]);
    expect(new Set(found.map(({ text }) => text)).size).toBe(1);
    expect(new Set(found.map(({ headers }) => headers.get('x-replica'))).size).toBeGreaterThan(2);
  },
  TEST_MS,
);

test(
  'while the bucket is away, what was known is given as stale, and what was not is 503',
  async () => {
    expect((await askOften('/dictionary/heron')).status).toBe(200);
    await withFaults({ at: 'bucket/replicated-dictionary', kind: 'error' });
    try {
      const known = await until(
        () => ask('/dictionary/heron'),
        ({ headers }) => headers.get('x-cache') === 'stale',
        60_000,
      );
      expect(known.status).toBe(200);
      const unknown = await ask('/dictionary/egret');
      expect([503, 504]).toContain(unknown.status);
      if (unknown.status === 503) expect(unknown.headers.get('retry-after')).not.toBeNull();
      await until(
        () => ask('/ready'),
        ({ status, text }) => status === 503 && text.includes('not-ready'),
        30_000,
      );
      expect((await http('GET', `${stack.info.apiUrl}/health`)).status).toBe(200);
    } finally {
      await withFaults();
    }
    expect(
      (
        await until(
          () => ask('/dictionary/egret'),
          ({ status }) => status === 200,
          60_000,
        )
      ).status,
    ).toBe(200);
    await until(
      () => ask('/ready'),
      ({ status }) => status === 200,
      60_000,
    );
  },
  TEST_MS,
);

test(
  'while the tables of cache and limits are away, words are still found',
  async () => {
    await withFaults({ at: 'table/replicated-cache', kind: 'error' }, { at: 'table/replicated-limits', kind: 'error' });
    try {
      expect((await askOften('/dictionary/plover')).status).toBe(200);
      expect(
        (
          await until(
            () => ask('/ready'),
            ({ text }) => text.includes('degraded'),
            60_000,
          )
        ).status,
      ).toBe(200);
    } finally {
      await withFaults();
    }
  },
  TEST_MS,
);

test(
  'while the tables of cache and limits hang, words are still found, and after the first ones without waiting',
  async () => {
    await withFaults({ at: 'table/replicated-cache', kind: 'hang' }, { at: 'table/replicated-limits', kind: 'hang' });
    try {
      // Each replica has to find out; a machine that is busy may answer some in vain.
      expect((await askOften('/dictionary/gannet')).status).toBe(200);
      for (const word of ['gannet', 'lynx', 'marmot', 'ermine', 'badger'])
        expect((await askOften(`/dictionary/${word}`)).status).toBe(200);
    } finally {
      await withFaults();
    }
  },
  TEST_MS,
);

test('replicas that are killed take no session with them, and a load that died with one is done by another', async () => {
  const ids = Array.from({ length: 20 }, () => randomUUID());
  for (const id of ids) expect((await askOften(`/sessions/${id}`, 'PUT', { id })).status).toBe(200);
  await withFaults({ at: 'bucket/replicated-dictionary', kind: 'hang', times: 1, ms: 60_000 });
  const lost = ask('/dictionary/curlew').catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const pid = await killFunctions(stack);
  await lost;
  await untilReplaced(stack, pid, 120_000);
  await withFaults();
  const found = await until(
    () => ask('/dictionary/curlew'),
    ({ status }) => status === 200,
    60_000,
  );
  expect(found.text).toContain('curlew');
  for (const id of ids) expect((await askOften(`/sessions/${id}`)).json).toEqual({ id });
}, 300_000);

import type { JobProgress } from '#batch/work-queue/types';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEffectSink, type EffectSink } from '../../../support/effect-sink.ts';
import { killFunctions, untilReplaced } from '../../../support/breaking.ts';
import { askPatiently, http, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';
import { scanKeys } from '../../../support/table-scan.ts';

/** `SOAK=full` is the whole of it, three minutes; otherwise a third, so that all tests together stay within a quarter of an hour. */
const isFull = process.env['SOAK'] === 'full';
const ITEMS = isFull ? 10_000 : 3_000;
const POISON_EVERY = 100;
const PART = 1_000;
const KILLS = isFull ? 8 : 4;
const KILL_AFTER_MS = [1_000, 2_000] as const;
const PATIENCE_MS = 420_000;
const ANSWER_MS = 60_000;

const GROUPS = 5;
const GROUP_ITEMS = 20;
/** The third of the first group. */
const FAILING = 'g0-2';

const isPoison = (key: string): boolean => {
  const id = key.slice(key.indexOf('/') + 1);
  return id === FAILING || (id.startsWith('i') && Number(id.slice(1)) % POISON_EVERY === 0);
};

let sink: EffectSink;
let stack: TestStack;
beforeAll(async () => {
  sink = await startEffectSink(isPoison);
  stack = await startTestStack({
    // A kill costs the batches in flight one receive each: a good item must survive more kills than a bad one tries.
    env: { VISIBILITY_TIMEOUT_S: '6', MAX_RECEIVE_COUNT: '10', EFFECT_URL: sink.url },
  });
}, 150_000);
afterAll(async () => {
  await stack.stop();
  await sink.close();
}, 60_000);

const admin = (): Record<string, string> => ({ authorization: `Bearer ${stack.info.adminToken}` });

const patiently = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  askPatiently(method, `${stack.info.apiUrl}${path}`, { body, headers }, ANSWER_MS);

const openJob = async (): Promise<string> => {
  const { json } = await patiently(
    'POST',
    '/work-queue/jobs',
    { worker: 'record', open: true },
    { 'idempotency-key': 'soak' },
  );
  const { jobId } = json as { jobId: string };
  for (let at = 0; at < ITEMS; at += PART) {
    const items = Array.from({ length: PART }, (_, index) => ({ id: `i${at + index}` }));
    expect((await patiently('POST', `/work-queue/jobs/${jobId}/items`, { items })).status).toBe(202);
  }
  expect((await patiently('POST', `/work-queue/jobs/${jobId}/close`, {})).status).toBe(202);
  return jobId;
};

const jobOf = async (jobId: string): Promise<JobProgress> =>
  (await patiently('GET', `/work-queue/jobs/${jobId}`)).json as JobProgress;

/** Kills the function host so often, each time one to two seconds after it came up. */
const killOften = async (): Promise<void> => {
  for (let kills = 0; kills < KILLS; kills += 1) {
    const [atLeast, atMost] = KILL_AFTER_MS;
    await sleep(atLeast + ((kills * 370) % (atMost - atLeast)));
    await untilReplaced(stack, await killFunctions(stack), ANSWER_MS);
  }
};

const postedOf = (jobId: string): number => [...sink.keys()].filter((key) => key.startsWith(`${jobId}/`)).length;

const effectsOf = async (jobId: string): Promise<readonly string[]> =>
  (await scanKeys(stack.info.awsEndpointUrl, 'distributed-patterns-local-work-queue-effects')).filter((key) =>
    key.startsWith(`${jobId}/`),
  );

test(
  'an ordered job keeps the order of effects in each group, and a failing item holds up its own group only',
  async () => {
    const groups = Array.from({ length: GROUPS }, (_, group) => `g${group}`);
    const items = Array.from({ length: GROUP_ITEMS }, (_, n) =>
      groups.map((groupId) => ({ id: `${groupId}-${n}`, groupId })),
    );
    const body = { worker: 'record', ordered: true, items: items.flat() };
    const { jobId: ordered } = (await patiently('POST', '/work-queue/jobs', body)).json as { jobId: string };
    const doneOf = (groupId: string): readonly number[] =>
      [...sink.keys()].flatMap((key) =>
        key.startsWith(`${ordered}/${groupId}-`) ? [Number(key.slice(key.lastIndexOf('-') + 1))] : [],
      );
    await until(
      async () => groups.slice(1).map((group) => doneOf(group).length),
      (counts) => counts.every((count) => count === GROUP_ITEMS),
      PATIENCE_MS,
    );
    // The others are done while the failing item still is tried: those behind it have not overtaken it.
    expect(doneOf('g0')).toEqual([0, 1]);
    const job = await until(
      () => jobOf(ordered),
      ({ status }) => status.startsWith('done'),
      PATIENCE_MS,
      500,
    );
    expect(job).toMatchObject({ total: GROUPS * GROUP_ITEMS, done: GROUPS * GROUP_ITEMS - 1, failed: 1 });
    const inOrder = Array.from({ length: GROUP_ITEMS }, (_, n) => n);
    for (const group of groups.slice(1)) expect(doneOf(group)).toEqual(inOrder);
    expect(doneOf('g0')).toEqual(inOrder.filter((n) => n !== 2));
  },
  PATIENCE_MS,
);

let jobId: string;
test(
  `${ITEMS} items, 1 % poison, the functions killed ${KILLS} times 1–2 s after they came up, 2 % lost answers, 5 % partial deletes: none lost, none twice`,
  async () => {
    const faults = [
      { at: 'table/work-queue-effects', kind: 'lose-answer', rate: 0.02, seed: 1 },
      { at: 'table/work-queue-jobs', kind: 'lose-answer', rate: 0.02, seed: 2 },
      { at: 'queue/work-queue-items', kind: 'partial', rate: 0.05, seed: 3 },
    ];
    expect((await patiently('PUT', '/faults', { faults }, admin())).status).toBe(200);
    jobId = await openJob();
    let doneBefore = 0;
    let readCount = 0;
    let killing = true;
    const watching = (async () => {
      while (killing) {
        const answer = await http('GET', `${stack.info.apiUrl}/work-queue/jobs/${jobId}`).catch(() => undefined);
        if (answer?.status === 200) {
          const job = answer.json as JobProgress;
          expect(job.done).toBeGreaterThanOrEqual(doneBefore);
          doneBefore = job.done;
          readCount += 1;
          if (job.total !== null) expect(job.pending + job.inFlight + job.done + job.failed).toBe(job.total);
        }
        await sleep(200);
      }
    })();
    await killOften().finally(() => {
      killing = false;
    });
    await watching;
    await until(
      () => jobOf(jobId),
      ({ done }) => done >= ITEMS * 0.9,
      PATIENCE_MS,
      500,
    );
    const fired = (await patiently('GET', '/faults', undefined, admin())).json as {
      faults: readonly { fired: number }[];
    };
    for (const fault of fired.faults) expect(fault.fired).toBeGreaterThan(0);
    await patiently('DELETE', '/faults', undefined, admin());

    const job = await until(
      () => jobOf(jobId),
      ({ status }) => status.startsWith('done'),
      PATIENCE_MS,
      500,
    );
    const poison = ITEMS / POISON_EVERY;
    expect(job).toMatchObject({ total: ITEMS, done: ITEMS - poison, failed: poison, pending: 0, inFlight: 0 });
    const effects = await effectsOf(jobId);
    expect(effects.length).toBe(new Set(effects).size);
    expect(effects.length).toBe(ITEMS);
    expect(postedOf(jobId)).toBe(ITEMS - poison);
    const failed: string[] = [];
    let cursor: string | undefined;
    do {
      const query: string = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
      const page = (await patiently('GET', `/work-queue/dead-letters${query}`)).json as {
        readonly deadLetters: readonly { readonly jobId: string; readonly id: string; readonly reason: string }[];
        readonly cursor?: string;
      };
      failed.push(...page.deadLetters.filter((letter) => letter.jobId === jobId).map(({ id }) => id));
      cursor = page.cursor;
    } while (cursor !== undefined);
    expect(failed.every((id) => isPoison(`${jobId}/${id}`))).toBe(true);
    expect(new Set(failed).size).toBe(poison);
    console.log(
      `${readCount} reads of the progress between kills; faults fired: ${fired.faults.map((each) => each.fired).join(', ')}`,
    );
  },
  PATIENCE_MS * 2,
);

test(
  'after the cause is mended, redrive brings every dead letter to its end, none twice',
  async () => {
    sink.mend();
    const answer = await patiently('POST', '/work-queue/dead-letters/redrive', { ratePerSecond: 100 }, admin());
    expect(answer.status).toBe(202);
    const job = await until(
      () => jobOf(jobId),
      ({ done }) => done === ITEMS,
      PATIENCE_MS,
      500,
    );
    expect(job).toMatchObject({ status: 'done', total: ITEMS, done: ITEMS, failed: 0, pending: 0, inFlight: 0 });
    const effects = await effectsOf(jobId);
    expect(new Set(effects).size).toBe(ITEMS);
    expect(effects.length).toBe(ITEMS);
    expect(postedOf(jobId)).toBe(ITEMS);
  },
  PATIENCE_MS,
);

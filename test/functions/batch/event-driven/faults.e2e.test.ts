import type { OutputPage } from '#batch/event-driven/output';
import { conservationProblems, type PipelineProgress } from '#batch/event-driven/progress';
import { allFive } from '../../../../functions/batch/event-driven/pipelines.ts';
import { killFunctions, untilReplaced } from '../../../support/breaking.ts';
import { askPatiently, until } from '../../../support/http.ts';
import { startTestStack, type TestStack } from '../../../support/stack.ts';

const EVENTS = 400;
const KEYS = 40;
const PART = 100;
const KILLS = 2;
const POISON_EVERY = 50;
const PATIENCE_MS = 420_000;
const ANSWER_MS = 90_000;
const TYPES = ['order.placed', 'visit', 'order.paid', 'noise'];

const pipeline = allFive({ misbehaves: false });
const events = Array.from({ length: EVENTS }, (_, n) => ({
  id: `e${n}`,
  key: `k${n % KEYS}`,
  type: TYPES[(n + Math.floor(n / KEYS)) % TYPES.length] ?? '',
  data: { n, ...(n % POISON_EVERY === 7 ? { fail: 'always' } : {}) },
}));
const isNoise = ({ type }: (typeof events)[number]): boolean => type === 'noise';
const isPoison = (event: (typeof events)[number]): boolean => event.data.fail === 'always' && !isNoise(event);

let stack: TestStack;
beforeAll(async () => {
  // A kill costs the batches in flight one receive each: a good event must survive more kills than a bad one tries.
  stack = await startTestStack({ env: { VISIBILITY_TIMEOUT_S: '18', MAX_RECEIVE_COUNT: '6' } });
}, 150_000);
afterAll(() => stack.stop(), 60_000);

const admin = (): Record<string, string> => ({ authorization: `Bearer ${stack.info.adminToken}` });
const patiently = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  askPatiently(method, `${stack.info.apiUrl}${path}`, { body, headers }, ANSWER_MS);

const progressOf = async (): Promise<PipelineProgress> =>
  (await patiently('GET', '/event-driven/pipelines/all-five')).json as PipelineProgress;

test(
  `${EVENTS} events, the functions killed ${KILLS} times, parts of batches and answers lost, a stalled input: all accounted for, in order`,
  async () => {
    const faults = [
      { at: 'bus', kind: 'partial', rate: 0.2, seed: 1 },
      { at: 'queue/event-driven-merges.fifo', kind: 'partial', rate: 0.15, seed: 2 },
      { at: 'table/event-driven-pipelines', kind: 'lose-answer', rate: 0.02, seed: 3 },
      // The input that comes by the shards: whatever is asked of its queue fails, for a while.
      { at: 'queue/event-driven-all-five-shard', kind: 'error', times: 30 },
    ];
    expect((await patiently('PUT', '/faults', { faults }, admin())).status).toBe(200);
    for (let at = 0; at < EVENTS; at += PART) {
      const part = { events: events.slice(at, at + PART) };
      expect((await patiently('POST', '/event-driven/pipelines/all-five/events', part)).status).toBe(202);
    }
    let readCount = 0;
    for (let kills = 0; kills < KILLS; kills += 1) {
      await untilReplaced(stack, await killFunctions(stack), ANSWER_MS);
      const target = ((kills + 1) * EVENTS) / (KILLS + 1);
      await until(
        async () => {
          const progress = await progressOf();
          readCount += 1;
          expect(conservationProblems(pipeline, progress)).toEqual([]);
          return progress;
        },
        ({ stages }) => (stages.find(({ stage }) => stage === 'copy')?.in ?? 0) >= target,
        PATIENCE_MS,
        300,
      );
    }
    const fired = (await patiently('GET', '/faults', undefined, admin())).json as {
      faults: readonly { readonly fired: number }[];
    };
    expect(fired.faults.filter(({ fired: count }) => count > 0).length).toBeGreaterThan(2);
    await patiently('DELETE', '/faults', undefined, admin());
    const progress = await until(
      progressOf,
      ({ accepted, stages }) => accepted === EVENTS && stages.every(({ waiting }) => waiting === 0),
      PATIENCE_MS,
      1_000,
    );
    expect(conservationProblems(pipeline, progress, true)).toEqual([]);
    const of = (name: string) => progress.stages.find(({ stage }) => stage === name);
    expect(of('keep')?.filtered).toEqual({ noise: events.filter(isNoise).length });
    expect(of('split')?.deadLettered).toBe(events.filter(isPoison).length);

    const out: OutputPage['events'][number][] = [];
    let query = '';
    for (let more = true; more;) {
      const page = (await patiently('GET', `/event-driven/pipelines/all-five/output${query}`)).json as OutputPage;
      out.push(...page.events);
      query = `?cursor=${page.cursor}`;
      ({ more } = page);
    }
    const expected = events.filter((event) => !isNoise(event) && !isPoison(event)).map(({ id }) => id);
    expect(out.map(({ id }) => id).toSorted()).toEqual(expected.toSorted());
    const last = new Map<string, number>();
    for (const { key, data } of out) {
      const { n } = data as { readonly n: number };
      expect(n).toBeGreaterThan(last.get(key) ?? -1);
      last.set(key, n);
    }
    console.log(`${readCount} reads between kills; faults fired: ${fired.faults.map((each) => each.fired).join(', ')}`);
  },
  PATIENCE_MS * 2,
);

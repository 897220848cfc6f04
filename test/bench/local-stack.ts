/** The stack as `npm start` starts it: time to the first answer of a function, and memory of all its processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../support/processes.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import type { Benchmark } from './benchmark.ts';
import { median, rounded } from './rounds.ts';

const START_COUNT = 3;
const JOB_ITEM_COUNT = 100;
const JOB_LIMIT_MS = 60_000;
/** So that what a start or a call leaves behind is collected. */
const SETTLE_MS = 2000;

const residentMb = (stack: TestStack): number =>
  processTree(stack.pid).reduce((sum, { residentKb }) => sum + residentKb, 0) / 1024;

const call = async (stack: TestStack, path: string, body?: unknown): Promise<unknown> => {
  const response = await fetch(`${stack.info.apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** One job through the queue: every function that a job needs is called. The time from the post to its end. */
const runJob = async (stack: TestStack): Promise<number> => {
  const startedMs = performance.now();
  const items = Array.from({ length: JOB_ITEM_COUNT }, (_, index) => ({ id: `item-${index}` }));
  const { jobId } = (await call(stack, '/work-queue/jobs', { worker: 'record', items })) as { jobId: string };
  while (performance.now() - startedMs < JOB_LIMIT_MS) {
    const { status } = (await call(stack, `/work-queue/jobs/${jobId}`)) as { status: string };
    if (status === 'done') return performance.now() - startedMs;
    await sleep(50);
  }
  throw new Error(`The job was not done within ${JOB_LIMIT_MS / 1000} s.`);
};

interface Sample {
  readonly answerS: number;
  readonly idleMb: number;
  readonly calledMb: number;
  readonly jobMb: number;
  readonly jobS: number;
}

const measureOnce = async (): Promise<Sample> => {
  const startedMs = performance.now();
  const stack = await startTestStack();
  try {
    // Before any function was called.
    const idleMb = residentMb(stack);
    await call(stack, '/');
    const answerS = (performance.now() - startedMs) / 1000;
    await call(stack, '/work-queue/jobs', { worker: 'record', items: [{ id: 'first' }] });
    await sleep(SETTLE_MS);
    const calledMb = residentMb(stack);
    const jobS = (await runJob(stack)) / 1000;
    await sleep(SETTLE_MS);
    return { answerS, idleMb, calledMb, jobMb: residentMb(stack), jobS };
  } finally {
    await stack.stop();
  }
};

export const benchmark: Benchmark = async (say) => {
  const samples: Sample[] = [];
  for (let start = 1; start <= START_COUNT; start += 1) {
    say(`start ${start} of ${START_COUNT}`);
    samples.push(await measureOnce());
  }
  const of = (name: keyof Sample): number => rounded(median(samples.map((sample) => sample[name])));
  return {
    columns: ['local stack', 'measured', 'unit'],
    rows: [
      ['npm start to the first answer of a function', of('answerS'), 's'],
      ['memory, idle', of('idleMb'), 'MB'],
      ['memory, four functions called once', of('calledMb'), 'MB'],
      [`memory, after a job of ${JOB_ITEM_COUNT} items`, of('jobMb'), 'MB'],
      ['that job, cold functions', of('jobS'), 's'],
    ],
    goals: [],
    remarks: [
      `Median of ${START_COUNT} starts with built-up caches of the file system; memory is resident, of all processes.`,
      'Not measured here: LocalStack. The figures that this is to be half of: 10 s and more to start, 500 MB and more.',
    ],
  };
};

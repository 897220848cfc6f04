/**
 * The service as `npm start` starts it, and on LocalStack without Docker where the machine has what that needs: time to
 * the first answer of a function, and memory of all processes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { processTree } from '../support/processes.ts';
import { startTestStack } from '../support/stack.ts';
import type { Benchmark } from './benchmark.ts';
import { missingForLocalStack, startOnLocalStack } from './on-localstack.ts';
import { median, rounded } from './rounds.ts';

/** The service as it runs somewhere, with the process that all others of it come from. */
export interface Running {
  readonly apiUrl: string;
  readonly pid: number;
  stop(): Promise<unknown>;
}

const START_COUNT = 3;
const JOB_ITEM_COUNT = 100;
const JOB_LIMIT_MS = 120_000;
/** So that what a start or a call leaves behind is collected. */
const SETTLE_MS = 2000;

const startEmbedded = async (): Promise<Running> => {
  const { info, pid, stop } = await startTestStack();
  return { apiUrl: info.apiUrl, pid, stop: () => stop() };
};

const residentMb = ({ pid }: Running): number =>
  processTree(pid).reduce((sum, { residentKb }) => sum + residentKb, 0) / 1024;

const call = async ({ apiUrl }: Running, path: string, body?: unknown): Promise<unknown> => {
  const response = await fetch(`${apiUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
};

/** One job through the queue: every function that a job needs is called. The time from the post to its end. */
const runJob = async (stack: Running, itemCount: number): Promise<number> => {
  const startedMs = performance.now();
  const items = Array.from({ length: itemCount }, (_, index) => ({ id: `item-${index}` }));
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

const measureOnce = async (start: () => Promise<Running>): Promise<Sample> => {
  const startedMs = performance.now();
  const stack = await start();
  try {
    // Before any function was called.
    const idleMb = residentMb(stack);
    await call(stack, '/');
    const answerS = (performance.now() - startedMs) / 1000;
    await runJob(stack, 1);
    await sleep(SETTLE_MS);
    const calledMb = residentMb(stack);
    const jobS = (await runJob(stack, JOB_ITEM_COUNT)) / 1000;
    await sleep(SETTLE_MS);
    return { answerS, idleMb, calledMb, jobMb: residentMb(stack), jobS };
  } finally {
    await stack.stop();
  }
};

const FIGURES: readonly (readonly [string, keyof Sample, string])[] = [
  ['from nothing to the first answer of a function', 'answerS', 's'],
  ['memory, idle', 'idleMb', 'MB'],
  ['memory, four functions called once', 'calledMb', 'MB'],
  [`memory, after a job of ${JOB_ITEM_COUNT} items`, 'jobMb', 'MB'],
  ['that job', 'jobS', 's'],
];

export const benchmark: Benchmark = async (say) => {
  const missing = await missingForLocalStack();
  const samples: Sample[] = [];
  const onLocalStack: Sample[] = [];
  for (let start = 1; start <= START_COUNT; start += 1) {
    say(`start ${start} of ${START_COUNT}`);
    samples.push(await measureOnce(startEmbedded));
    if (missing === undefined) onLocalStack.push(await measureOnce(startOnLocalStack));
  }
  const of = (all: readonly Sample[], name: keyof Sample): number => median(all.map((sample) => sample[name]));
  const ratio = (name: keyof Sample): number => of(samples, name) / of(onLocalStack, name);
  const peer = (name: keyof Sample): number | string => (missing === undefined ? rounded(of(onLocalStack, name)) : '–');
  return {
    columns: ['local stack', 'npm start', 'LocalStack', 'unit'],
    rows: FIGURES.map(([label, name, unit]) => [label, rounded(of(samples, name)), peer(name), unit]),
    goals:
      missing === undefined
        ? [
            { figure: 'first answer × LocalStack', atMost: 0.5, measured: ratio('answerS') },
            { figure: 'memory, functions called once, × LocalStack', atMost: 0.5, measured: ratio('calledMb') },
          ]
        : [],
    remarks: [
      `Median of ${START_COUNT} starts, in turn, with built-up caches of the file system; memory is resident, of all processes.`,
      missing === undefined
        ? 'LocalStack without Docker, installed before: up, deploy:local, first answer.'
        : `LocalStack was not measured. ${missing}`,
    ],
  };
};

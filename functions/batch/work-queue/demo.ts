import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { awsClients } from '#primitives/aws/clients';
import { awsObjects } from '#primitives/aws/objects';
import type { Objects } from '#primitives/objects';
import { callStack, type Demo, type DemoScreen, type DemoStack, type Shown } from '../../demo.ts';

interface Job {
  readonly status: string;
  readonly total: number | null;
  readonly pending: number;
  readonly inFlight: number;
  readonly done: number;
  readonly failed: number;
  readonly obsolete?: number;
}

interface Result {
  readonly id: string;
  readonly status: 'done' | 'failed';
  readonly output?: { readonly key: string };
  readonly reason?: string;
}

const MEDIA = path.resolve(import.meta.dirname, '../../../media');
const POLL_MS = 100;
/** What a killed function held comes back after the visibility timeout, 65 s by default; twice when it was the planner. */
const PATIENCE_MS = 300_000;
const RECORD_ITEMS = 300;

/** Waits until the job has ended; `onProgress` sees every state. Each of them must add up. */
const follow = async (
  stack: DemoStack,
  jobId: string,
  options: { readonly signal: AbortSignal; readonly onProgress: (job: Job) => void },
): Promise<Job & { readonly addedUp: boolean }> => {
  const deadlineMs = performance.now() + PATIENCE_MS;
  let addedUp = true;
  for (;;) {
    const job = await callStack<Job>(stack, 'GET', `/work-queue/jobs/${jobId}`, { signal: options.signal });
    addedUp &&= job.total === null || job.total === job.pending + job.inFlight + job.done + job.failed;
    options.onProgress(job);
    if (job.status === 'done' || job.status === 'done-with-failures') return { ...job, addedUp };
    if (performance.now() > deadlineMs)
      throw new Error(`Job ${jobId} has not ended within ${PATIENCE_MS / 1000} s: ${JSON.stringify(job)}`);
    await sleep(POLL_MS, undefined, { signal: options.signal });
  }
};

const resultsOf = async (stack: DemoStack, jobId: string): Promise<readonly Result[]> => {
  const results: Result[] = [];
  let cursor: string | undefined;
  do {
    const query: string = cursor === undefined ? '' : `?cursor=${encodeURIComponent(cursor)}`;
    const page = await callStack<{ results: readonly Result[]; cursor?: string }>(
      stack,
      'GET',
      `/work-queue/jobs/${jobId}/results${query}`,
    );
    results.push(...page.results);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return results;
};

const mediaBucketOf = (stack: DemoStack): string => {
  const bucket = Object.keys(stack.buckets).find((name) => name.endsWith('work-queue-media'));
  if (bucket === undefined) throw new Error('The stack has no bucket for media.');
  return bucket;
};

/** Gives the bucket of the media to `use`, and closes its connections after that. */
const withBucket = async <T>(stack: DemoStack, use: (bucket: Objects) => Promise<T>): Promise<T> => {
  const clients = awsClients({ environment: { ...process.env, AWS_ENDPOINT_URL: stack.awsEndpointUrl } });
  try {
    return await use(awsObjects({ name: mediaBucketOf(stack), clients }));
  } finally {
    await clients.close();
  }
};

const upload = async (bucket: Objects, prefix: string): Promise<readonly string[]> => {
  const files = (await readdir(path.join(MEDIA, 'images'))).toSorted();
  for (const file of files) await bucket.put(`${prefix}${file}`, await readFile(path.join(MEDIA, 'images', file)));
  return files;
};

const download = async (bucket: Objects, folder: string, results: readonly Result[]): Promise<void> => {
  await mkdir(folder, { recursive: true });
  for (const { id, output } of results) {
    const thumbnail = output === undefined ? undefined : await bucket.get(output.key);
    if (thumbnail !== undefined) await writeFile(path.join(folder, `${path.basename(id)}.webp`), thumbnail.body);
  }
};

/** The bundled images through the queue: thumbnails of the good ones, dead letters with reasons of the broken ones. */
const thumbnails = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const manifest = JSON.parse(await readFile(path.join(MEDIA, 'manifest.json'), 'utf8')) as readonly {
    readonly file: string;
    readonly broken?: string;
  }[];
  const prefix = `demo/${Date.now()}/`;
  const files = await withBucket(stack, (bucket) => upload(bucket, prefix));
  const { jobId } = await callStack<{ jobId: string }>(stack, 'POST', '/work-queue/jobs', {
    body: { worker: 'thumbnail', source: { bucket: mediaBucketOf(stack), prefix } },
  });
  const bar = screen.progress('thumbnails', files.length);
  const job = await follow(stack, jobId, { signal, onProgress: ({ done, failed }) => bar.update(done + failed) });
  bar.stop();
  const results = await resultsOf(stack, jobId);
  const folder = path.join(stack.stackDir, 'thumbnails');
  await withBucket(stack, (bucket) => download(bucket, folder, results));
  const failed = results.filter(({ status }) => status === 'failed');
  for (const { id, reason } of failed) screen.say(`  dead letter  ${path.basename(id)}: ${reason ?? 'no reason'}`);
  const broken = manifest.filter((entry) => entry.broken !== undefined).map(({ file }) => path.basename(file));
  const exactly = failed.map(({ id }) => path.basename(id)).toSorted();
  return [
    {
      what: 'every good image has a thumbnail',
      seen: `${job.done} of ${files.length - broken.length}, in ${path.relative('.', folder) || folder}`,
      held: job.done === files.length - broken.length,
    },
    {
      what: 'exactly the broken ones are dead letters, with reasons',
      seen: `${failed.length} of ${broken.length}`,
      held:
        JSON.stringify(exactly) === JSON.stringify(broken.toSorted()) && failed.every(({ reason }) => Boolean(reason)),
    },
    {
      what: 'progress adds up whenever it is read',
      seen: job.addedUp ? 'at every read' : 'not always',
      held: job.addedUp,
    },
  ];
};

/** Items that leave one effect each, while the functions are killed and answers get lost. */
const underFaults = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  const faults = [
    { at: 'work-queue/worker', kind: 'crash', times: 1 },
    { at: 'table/work-queue-effects', kind: 'lose-answer', rate: 0.1, seed: 1 },
    { at: 'queue/work-queue-items', kind: 'partial', rate: 0.2, seed: 2 },
  ];
  screen.say('  broken on purpose: the functions are killed once, answers and parts of batches get lost;');
  screen.say(
    '  what the killed ones held comes back after its visibility timeout (VISIBILITY_TIMEOUT_S, 65 s by default)',
  );
  await callStack(stack, 'PUT', '/faults', { admin: true, body: { faults } });
  try {
    const items = Array.from({ length: RECORD_ITEMS }, (_, index) => ({ id: `item-${index}` }));
    const { jobId } = await callStack<{ jobId: string }>(stack, 'POST', '/work-queue/jobs', {
      body: { worker: 'record', items },
    });
    const bar = screen.progress('records under faults', RECORD_ITEMS);
    const job = await follow(stack, jobId, { signal, onProgress: ({ done, failed }) => bar.update(done + failed) });
    bar.stop();
    const fired = await callStack<{ faults: readonly { kind: string; fired: number }[] }>(stack, 'GET', '/faults', {
      admin: true,
    });
    const ids = (await resultsOf(stack, jobId)).filter(({ status }) => status === 'done').map(({ id }) => id);
    return [
      {
        what: 'faults fired',
        seen: fired.faults.map(({ kind, fired: count }) => `${kind} ${count}`).join(', '),
        held: fired.faults.every(({ fired: count }) => count > 0),
      },
      { what: 'no item is lost', seen: `${job.done} of ${RECORD_ITEMS}`, held: job.done === RECORD_ITEMS },
      { what: 'no item is counted twice', seen: `${ids.length} results`, held: new Set(ids).size === ids.length },
    ];
  } finally {
    await callStack(stack, 'DELETE', '/faults', { admin: true });
  }
};

const BULK_ITEMS = 400;

/** One urgent item behind many others, and one that nobody wants any more. */
const urgency = async (stack: DemoStack, screen: DemoScreen, signal: AbortSignal): Promise<readonly Shown[]> => {
  screen.say(`  an urgent item and one whose deadline has passed, behind ${BULK_ITEMS} that take their time`);
  const create = (items: readonly object[]): Promise<{ jobId: string }> =>
    callStack(stack, 'POST', '/work-queue/jobs', { body: { worker: 'record', items } });
  const bulk = await create(
    Array.from({ length: BULK_ITEMS }, (_, index) => ({ id: `item-${index}`, payload: { takesMs: 500 } })),
  );
  const items = [
    { id: 'urgent', priority: 'high' },
    { id: 'yesterday', deadlineAt: '2020-01-01T00:00:00Z' },
  ];
  const { jobId } = await create(items);
  const urgent = async (): Promise<boolean> => (await resultsOf(stack, jobId)).some(({ id }) => id === 'urgent');
  while (!(await urgent())) await sleep(POLL_MS, undefined, { signal });
  const behind = await callStack<Job>(stack, 'GET', `/work-queue/jobs/${bulk.jobId}`, { signal });
  const job = await follow(stack, jobId, { signal, onProgress: () => undefined });
  const bar = screen.progress('the others', BULK_ITEMS);
  const others = await follow(stack, bulk.jobId, { signal, onProgress: ({ done }) => bar.update(done) });
  bar.stop();
  return [
    {
      what: 'an urgent item overtakes what was there before',
      seen: `${behind.done} of ${BULK_ITEMS} were done then`,
      held: behind.done < BULK_ITEMS,
    },
    { what: 'and keeps none of it from being done', seen: `${others.done} done`, held: others.done === BULK_ITEMS },
    {
      what: 'obsolete work is dropped and counted',
      seen: `${job.obsolete ?? 0} obsolete`,
      held: job.obsolete === 1 && job.done === 1,
    },
  ];
};

export const workQueueDemo = Object.freeze({
  pattern: 'work-queue',
  thumbnails,
  run: async (stack, screen, signal) => [
    ...(await thumbnails(stack, screen, signal)),
    ...(await underFaults(stack, screen, signal)),
    ...(await urgency(stack, screen, signal)),
  ],
} satisfies Demo & { readonly thumbnails: Demo['run'] });

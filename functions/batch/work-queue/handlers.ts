import { readPayload } from '#batch/work-queue/run-items';
import type { JobPlan } from '#batch/work-queue/job-plan';
import type { redriveStarter } from '#batch/work-queue/redrive-start';
import type { QueueScaler, ScalingStatus } from '#batch/work-queue/scaling/queue-scaler';
import type { Worker } from '#batch/work-queue/types';
import type { WorkQueue } from '#batch/work-queue/work-queue';
import { problem, type Handlers } from '#http/handlers';
import { isRetryable } from '#primitives/errors';
import type { Objects } from '#primitives/objects';
import { badCursor } from '../bad-cursor.ts';
import type { workQueueApi } from './api.ts';

const noJob = (id: string) => problem(404, { detail: `There is no job '${id}'.` });

const ordersDecide = (id: string) =>
  problem(400, {
    detail: `Job '${id}' is ordered: its items have no priority.`,
    errors: { items: ["Expected items without a 'priority': in an ordered job their order decides."] },
  });

/** What each payload has wrong, in the form of the answer's `errors`. */
const payloadErrors = (plan: JobPlan, worker: Worker | undefined): Readonly<Record<string, readonly string[]>> => {
  const errors = (plan.items ?? []).flatMap(({ payload }, index): [string, string[]][] => {
    const read = worker === undefined ? undefined : readPayload(worker, payload);
    return read === undefined || read.ok ? [] : [[`items.${index}.payload`, [read.reason]]];
  });
  return Object.fromEntries(errors);
};

/** A bucket that cannot be listed now will not be listed by the planner either; better to say so at once. */
const sourceError = async (bucket: Objects): Promise<string | undefined> => {
  try {
    await bucket.list({ limit: 1 });
    return undefined;
  } catch (error) {
    if (isRetryable(error)) throw error;
    return `Bucket '${bucket.name}' cannot be listed.`;
  }
};

const adviceBody = ({ atMs, ...advice }: NonNullable<ScalingStatus['last']>) => ({
  ...advice,
  at: new Date(atMs).toISOString(),
});

const scalingBody = ({ plan, maximumConcurrency, visibleCount, inFlightCount, last }: ScalingStatus) => {
  return {
    mode: plan.mode,
    maximumConcurrency,
    ...(plan.mode === 'automatic' ? { automatic: plan.policy } : {}),
    visible: visibleCount,
    inFlight: inFlightCount,
    ...(last === undefined ? {} : { last: adviceBody(last) }),
  };
};

export const workQueueHandlers = (options: {
  readonly queue: WorkQueue;
  readonly workers: readonly Worker[];
  readonly bucketOf: (name: string) => Objects;
  readonly startRedrive: ReturnType<typeof redriveStarter>;
  readonly scaler: QueueScaler;
}): Handlers<typeof workQueueApi> => {
  const { queue, workers, bucketOf, startRedrive, scaler } = options;
  return {
    createJob: async ({ body, operationId, traceparent }) => {
      const errors = payloadErrors(
        body,
        workers.find(({ name }) => name === body.worker),
      );
      if (Object.keys(errors).length > 0) return problem(400, { detail: 'A payload does not fit its worker.', errors });
      const refusal = body.source === undefined ? undefined : await sourceError(bucketOf(body.source.bucket));
      if (refusal !== undefined) return problem(400, { detail: refusal, errors: { 'source.bucket': [refusal] } });
      const { total } = await queue.createJob(operationId, body, traceparent);
      return { status: 202, body: { jobId: operationId, total } };
    },
    addItems: async ({ params: { id }, body: { items }, operationId, traceparent }) => {
      const outcome = await queue.addItems(id, operationId, items, traceparent);
      if (outcome === 'unknown') return noJob(id);
      if (outcome === 'has-order') return ordersDecide(id);
      if (outcome === 'closed')
        return problem(409, { detail: `Job '${id}' takes no items: it is closed, or was never open.` });
      return { status: 202, body: { jobId: id, accepted: items.length } };
    },
    closeJob: async ({ params: { id } }) => {
      const outcome = await queue.closeJob(id);
      if (outcome === 'unknown') return noJob(id);
      if (outcome === 'not-open') return problem(409, { detail: `Job '${id}' was never open.` });
      return { status: 202, body: { jobId: id } };
    },
    cancelJob: async ({ params: { id } }) =>
      (await queue.cancelJob(id)) === 'unknown' ? noJob(id) : { status: 202, body: { jobId: id } },
    job: async ({ params: { id } }) => {
      const progress = await queue.progress(id);
      return progress === undefined ? noJob(id) : { status: 200, body: { jobId: id, ...progress } };
    },
    results: async ({ params: { id }, query: { cursor } }) => {
      if ((await queue.progress(id)) === undefined) return noJob(id);
      const page = await queue.results(id, cursor);
      return page === undefined ? badCursor() : { status: 200, body: page };
    },
    deadLetters: async ({ query: { cursor } }) => {
      const page = await queue.deadLetters(cursor);
      if (page === undefined) return badCursor();
      const deadLetters = page.deadLetters.map(({ atMs, ...letter }) => ({
        ...letter,
        at: new Date(atMs).toISOString(),
      }));
      return { status: 200, body: { ...page, deadLetters } };
    },
    redrive: async ({ body, operationId, traceparent }) => {
      const { deadLetters } = await startRedrive(operationId, body, traceparent);
      const started = { redriveId: operationId, deadLetters };
      return body.dryRun === true
        ? { status: 200, body: { ...started, dryRun: true } }
        : { status: 202, body: { ...started, dryRun: false } };
    },
    scaling: async () => ({ status: 200, body: scalingBody(await scaler.read()) }),
    planScaling: async ({ body: { automatic, maximumConcurrency = null } }) => {
      const fixed =
        maximumConcurrency === null
          ? ({ mode: 'unlimited' } as const)
          : ({ mode: 'fixed', maximumConcurrency } as const);
      const plan = automatic === undefined ? fixed : ({ mode: 'automatic', policy: automatic } as const);
      return { status: 200, body: scalingBody(await scaler.plan(plan)) };
    },
  };
};

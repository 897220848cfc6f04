import { batchWorker } from '#batch/work-queue/batch-worker';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { bury } from '#batch/work-queue/bury';
import { httpPost } from '#batch/work-queue/http-post';
import { planner } from '#batch/work-queue/planner';
import { recordWorker } from '#batch/work-queue/record-worker';
import { thumbnailWorker } from '#batch/work-queue/thumbnail-worker';
import type { Worker } from '#batch/work-queue/types';
import { workQueue } from '#batch/work-queue/work-queue';
import { awsObjects } from '#primitives/aws/objects';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import type { Clock } from '#primitives/clock';
import { isLocalStage } from '../../settings.ts';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { workQueueHandlers } from './handlers.ts';

/** Jobs and effects are kept for so long: twice what a queue keeps its messages. */
const KEEP_MS = 30 * 24 * 3_600_000;

const queue = (env: Environment, name: string) => awsQueue({ url: variable(env, name) });
const bucketOf = (name: string) => awsObjects({ name });

const stores = (env: Environment) => ({
  jobs: awsTable({ name: variable(env, 'JOBS_TABLE') }),
  effects: awsTable({ name: variable(env, 'EFFECT_TABLE') }),
  keepMs: KEEP_MS,
});

const workers = (env: Environment, clock: Clock): readonly Worker[] => [
  recordWorker({
    clock,
    misbehaves: isLocalStage(variable(env, 'STAGE')),
    ...(env['EFFECT_URL'] ? { post: httpPost({ url: env['EFFECT_URL'] }) } : {}),
  }),
  thumbnailWorker({ bucketOf, thumbnails: bucketOf(variable(env, 'MEDIA_BUCKET')) }),
];

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const { clock, random } = shellServices(env);
  const api = workQueue({ ...stores(env), plans: queue(env, 'JOBS_QUEUE_URL'), clock, random });
  return workQueueHandlers({ queue: api, workers: workers(env, clock), bucketOf });
};

/** What turns jobs into items. */
export const wirePlanner = (env: Environment) => {
  const services = shellServices(env);
  const plan = planner({
    ...stores(env),
    ...services,
    items: queue(env, 'ITEMS_QUEUE_URL'),
    plans: queue(env, 'JOBS_QUEUE_URL'),
    deadLetters: queue(env, 'JOBS_DEAD_LETTERS_QUEUE_URL'),
    sourceOf: ({ bucket, prefix }) => bucketSource({ objects: bucketOf(bucket), prefix }),
  });
  return { plan, log: services.log };
};

/** What does the work. */
export const wireWorker = (env: Environment) => {
  const services = shellServices(env);
  return batchWorker({
    ...stores(env),
    ...services,
    undeliverable: queue(env, 'UNDELIVERABLE_QUEUE_URL'),
    workers: workers(env, services.clock),
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
    leaseMs: integerVariable(env, 'LEASE_MS', 15_000),
  });
};

/** What ends the undeliverable. */
export const wireBury = (env: Environment) => {
  const services = shellServices(env);
  const end = bury({
    ...stores(env),
    ...services,
    deadLetters: queue(env, 'DEAD_LETTERS_QUEUE_URL'),
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
  });
  return { bury: end, log: services.log };
};

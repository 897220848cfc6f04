import { batchWorker } from '#batch/work-queue/batch-worker';
import { bucketSource } from '#batch/work-queue/bucket-source';
import { bury } from '#batch/work-queue/bury';
import { buryPlan } from '#batch/work-queue/bury-plan';
import { httpPost } from '#batch/work-queue/http-post';
import { planner } from '#batch/work-queue/planner';
import { recordWorker } from '#batch/work-queue/record-worker';
import { redrive, type RedriveRoute } from '#batch/work-queue/redrive';
import { redriveStarter } from '#batch/work-queue/redrive-start';
import { queueScaler } from '#batch/work-queue/scaling/queue-scaler';
import { thumbnailWorker } from '#batch/work-queue/thumbnail-worker';
import { PermanentFailure, type Worker } from '#batch/work-queue/types';
import { ffmpegFrame } from '#batch/work-queue/video-frame';
import { workQueue } from '#batch/work-queue/work-queue';
import { awsConcurrencyLimit } from '#primitives/aws/concurrency-limit';
import { awsObjects } from '#primitives/aws/objects';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import type { Clock } from '#primitives/clock';
import type { Queue } from '#primitives/queue';
import { isLocalStage } from '#primitives/local-stage';
import { programOnPath } from '../../shell/program-on-path.ts';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { workQueueHandlers } from './handlers.ts';

/** Jobs and effects are kept for so long: twice what a queue keeps its messages. */
const KEEP_MS = 30 * 24 * 3_600_000;

/** A host tells what it got done so often: several times between two looks of the controller. */
const REPORT_MS = 10_000;

const queue = (env: Environment, name: string) => awsQueue({ url: variable(env, name) });
const bucketOf = (name: string) => awsObjects({ name });

/** Where dead letters are moved from, and to. */
const routes = (env: Environment): readonly RedriveRoute[] => [
  { of: 'plans', from: queue(env, 'JOBS_DEAD_LETTERS_QUEUE_URL'), to: queue(env, 'JOBS_QUEUE_URL') },
  {
    of: 'items',
    from: queue(env, 'DEAD_LETTERS_QUEUE_URL'),
    to: queue(env, 'ITEMS_QUEUE_URL'),
    urgentTo: queue(env, 'URGENT_ITEMS_QUEUE_URL'),
  },
  {
    of: 'items',
    ordered: true,
    from: queue(env, 'ORDERED_DEAD_LETTERS_QUEUE_URL'),
    to: queue(env, 'ORDERED_ITEMS_QUEUE_URL'),
  },
];

const stores = (env: Environment) => ({
  jobs: awsTable({ name: variable(env, 'JOBS_TABLE') }),
  effects: awsTable({ name: variable(env, 'EFFECT_TABLE') }),
  keepMs: KEEP_MS,
});

const videoFrame = (env: Environment) => {
  const program = programOnPath(env, 'ffmpeg');
  return program === undefined ? {} : { videoFrame: ffmpegFrame({ program }) };
};

const workers = (env: Environment, clock: Clock): readonly Worker[] => [
  recordWorker({
    clock,
    misbehaves: isLocalStage(variable(env, 'STAGE')),
    ...(env['EFFECT_URL'] ? { post: httpPost({ url: env['EFFECT_URL'] }) } : {}),
  }),
  thumbnailWorker({ bucketOf, thumbnails: bucketOf(variable(env, 'MEDIA_BUCKET')), ...videoFrame(env) }),
];

/** What keeps the concurrency of the queue of items. */
export const wireScaler = (env: Environment) => {
  const { clock, log } = shellServices(env);
  const { jobs } = stores(env);
  const limit = awsConcurrencyLimit({ mappingId: variable(env, 'ITEMS_MAPPING_ID') });
  return queueScaler({ queue: queue(env, 'ITEMS_QUEUE_URL'), limit, jobs, clock, log });
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const { clock, random } = shellServices(env);
  const api = workQueue({ ...stores(env), plans: queue(env, 'JOBS_QUEUE_URL'), clock, random });
  const startRedrive = redriveStarter({
    routes: routes(env),
    redrives: queue(env, 'REDRIVES_QUEUE_URL'),
    clock,
    random,
  });
  return workQueueHandlers({
    queue: api,
    workers: workers(env, clock),
    bucketOf,
    startRedrive,
    scaler: wireScaler(env),
  });
};

/** What turns jobs into items. */
export const wirePlanner = (env: Environment) => {
  const services = shellServices(env);
  const plan = planner({
    ...stores(env),
    ...services,
    items: queue(env, 'ITEMS_QUEUE_URL'),
    urgentItems: queue(env, 'URGENT_ITEMS_QUEUE_URL'),
    orderedItems: queue(env, 'ORDERED_ITEMS_QUEUE_URL'),
    plans: queue(env, 'JOBS_QUEUE_URL'),
    deadLetters: queue(env, 'JOBS_DEAD_LETTERS_QUEUE_URL'),
    sourceOf: (reference) => {
      // The function may list buckets; a table would need its permission, too.
      if ('table' in reference) throw new PermanentFailure(`table '${reference.table}' is no source here`);
      return bucketSource({ objects: bucketOf(reference.bucket), prefix: reference.prefix });
    },
  });
  return { plan, log: services.log };
};

/** What ends the planning of jobs that cannot be planned. */
export const wireBuryPlan = (env: Environment) => {
  const services = shellServices(env);
  const end = buryPlan({
    ...stores(env),
    ...services,
    deadLetters: queue(env, 'JOBS_DEAD_LETTERS_QUEUE_URL'),
    maxReceiveCount: integerVariable(env, 'JOBS_MAX_RECEIVE_COUNT', 20),
  });
  return { bury: end, log: services.log };
};

/** What moves dead letters back. */
export const wireRedrive = (env: Environment) => {
  const services = shellServices(env);
  const move = redrive({
    ...stores(env),
    ...services,
    routes: routes(env),
    redrives: queue(env, 'REDRIVES_QUEUE_URL'),
    deadLetters: queue(env, 'REDRIVES_DEAD_LETTERS_QUEUE_URL'),
  });
  return { move, log: services.log };
};

/** The same function reads the queue of items and the FIFO queue of those of ordered jobs. */
const isOrdered = (env: Environment): boolean => env['ORDERED'] === 'true';

/** What does the work. */
export const wireWorker = (env: Environment) => {
  const services = shellServices(env);
  const visibilityMs = 1_000 * integerVariable(env, 'VISIBILITY_TIMEOUT_S', 65);
  const work = batchWorker({
    ...stores(env),
    ...services,
    undeliverable: queue(env, 'UNDELIVERABLE_QUEUE_URL'),
    workers: workers(env, services.clock),
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
    leaseMs: integerVariable(env, 'LEASE_MS', 15_000),
    // No attempt is put off for longer than it would be without.
    backoff: { baseMs: 1_000, limitMs: visibilityMs },
    ordered: isOrdered(env),
    // The concurrency of the FIFO queue is that of its groups.
    ...(isOrdered(env) ? {} : { reportEveryMs: REPORT_MS }),
  });
  const sources = variable(env, 'SOURCE_QUEUE_URLS')
    .split(' ')
    .map((url) => ({ queue: awsQueue({ url }), suffix: `:${url.slice(url.lastIndexOf('/') + 1)}` }));
  // The messages of a batch are of one queue.
  const sourceOf = (arn: string): Queue | undefined => sources.find(({ suffix }) => arn.endsWith(suffix))?.queue;
  return { work, sourceOf };
};

/** What ends the undeliverable. */
export const wireBury = (env: Environment) => {
  const services = shellServices(env);
  const end = bury({
    ...stores(env),
    ...services,
    deadLetters: queue(env, 'BURIED_QUEUE_URL'),
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
    ordered: isOrdered(env),
  });
  return { bury: end, log: services.log };
};

import { imageConsumer } from '#batch/coordinated/images/consumer';
import { images } from '#batch/coordinated/images/images';
import { sharpPictures } from '#batch/coordinated/images/picture';
import type { ImagesOptions } from '#batch/coordinated/images/store';
import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import type { JoinOptions } from '#batch/coordinated/join/store';
import { reductionConsumer } from '#batch/coordinated/reduce/consumer';
import { reductions } from '#batch/coordinated/reduce/reductions';
import type { ReductionOptions } from '#batch/coordinated/reduce/store';
import { awsBus } from '#primitives/aws/bus';
import { awsObjects } from '#primitives/aws/objects';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { coordinatedHandlers } from './handlers.ts';

/** Joins and reductions are kept for so long behind their deadline: twice what a queue keeps its messages. */
const KEEP_MS = 30 * 24 * 3_600_000;
/** A message of a reduction that came so often is given up, and its reduction has failed. */
const MAX_RECEIVES = 20;
/** What a crash has left undone is done 5 s later at first, 5 minutes later at last. */
const WATCH = { firstMs: 5_000, limitMs: 300_000 };

const queue = (env: Environment, name: string) => awsQueue({ url: variable(env, name) });
const stateTable = (env: Environment) => awsTable({ name: variable(env, 'STATE_TABLE') });

/** What patterns take of the services of every function. */
const services = (env: Environment) => {
  const { clock, random, log } = shellServices(env);
  return { clock, random, log };
};
const bucketOf = (name: string) => awsObjects({ name });

const joinOptions = (env: Environment): JoinOptions => {
  return {
    ...services(env),
    table: stateTable(env),
    effects: awsTable({ name: variable(env, 'EFFECT_TABLE') }),
    bus: awsBus({ name: variable(env, 'EVENT_BUS') }),
    queue: queue(env, 'JOINS_QUEUE_URL'),
    keepMs: KEEP_MS,
    watch: WATCH,
  };
};

const reductionOptions = (env: Environment): ReductionOptions => ({
  ...services(env),
  table: stateTable(env),
  queue: queue(env, 'REDUCTIONS_QUEUE_URL'),
  bucketOf,
  keepMs: KEEP_MS,
});

const imagesOptions = (env: Environment): ImagesOptions => ({
  ...services(env),
  table: stateTable(env),
  queue: queue(env, 'IMAGES_QUEUE_URL'),
  bucketOf,
  made: bucketOf(variable(env, 'MEDIA_BUCKET')),
  pictures: sharpPictures,
  joins: joins(joinOptions(env)),
  reductions: reductions(reductionOptions(env)),
  keepMs: KEEP_MS,
});

/** What answers HTTP. */
export const wireHandlers = (env: Environment) =>
  coordinatedHandlers({
    joins: joins(joinOptions(env)),
    reductions: reductions(reductionOptions(env)),
    images: images(imagesOptions(env)),
    bucketOf,
    mediaBucket: variable(env, 'MEDIA_BUCKET'),
  });

/** What reads the queue of joins. */
export const wireJoins = (env: Environment) => {
  const options = joinOptions(env);
  const consume = joinConsumer({
    ...options,
    deadLetters: queue(env, 'JOINS_DEAD_LETTERS_QUEUE_URL'),
    patience: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
  });
  return { consume, log: options.log };
};

/** What reads the queue of reductions. */
export const wireReductions = (env: Environment) => {
  const options = reductionOptions(env);
  const consume = reductionConsumer({
    ...options,
    deadLetters: queue(env, 'REDUCTIONS_DEAD_LETTERS_QUEUE_URL'),
    patience: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
    // A crash costs each message of its batch a receive: only what fails again and again is given up.
    maxReceiveCount: MAX_RECEIVES,
  });
  return { consume, log: options.log };
};

/** What reads the queue of images. */
export const wireImages = (env: Environment) => {
  const options = imagesOptions(env);
  const consume = imageConsumer({
    ...options,
    deadLetters: queue(env, 'IMAGES_DEAD_LETTERS_QUEUE_URL'),
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
  });
  return { consume, log: options.log };
};

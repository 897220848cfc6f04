import { joinConsumer } from '#batch/coordinated/join/consumer';
import { joins } from '#batch/coordinated/join/join';
import type { JoinOptions } from '#batch/coordinated/join/store';
import { awsBus } from '#primitives/aws/bus';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { coordinatedHandlers } from './handlers.ts';

/** Joins and reductions are kept for so long behind their deadline: twice what a queue keeps its messages. */
const KEEP_MS = 30 * 24 * 3_600_000;
/** What a crash has left undone is done 5 s later at first, 5 minutes later at last. */
const WATCH = { firstMs: 5_000, limitMs: 300_000 };

const queue = (env: Environment, name: string) => awsQueue({ url: variable(env, name) });
const stateTable = (env: Environment) => awsTable({ name: variable(env, 'STATE_TABLE') });

const joinOptions = (env: Environment): JoinOptions => {
  const { clock, random, log } = shellServices(env);
  return {
    table: stateTable(env),
    effects: awsTable({ name: variable(env, 'EFFECT_TABLE') }),
    bus: awsBus({ name: variable(env, 'EVENT_BUS') }),
    queue: queue(env, 'JOINS_QUEUE_URL'),
    keepMs: KEEP_MS,
    watch: WATCH,
    clock,
    random,
    log,
  };
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => coordinatedHandlers({ joins: joins(joinOptions(env)) });

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

import { eventDriven, type EventDriven } from '#batch/event-driven/event-driven';
import { queueVariable } from '#batch/event-driven/fragment';
import type { Outlets } from '#batch/event-driven/outlets';
import { awsBus } from '#primitives/aws/bus';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { InvalidArgumentError } from '#primitives/errors';
import { isLocalStage } from '#primitives/local-stage';
import type { Queue } from '#primitives/queue';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { eventDrivenHandlers } from './handlers.ts';
import { builtIn } from './pipelines.ts';

/** Markers and outputs are kept for so long: twice what a queue keeps its messages. */
const KEEP_MS = 30 * 24 * 3_600_000;
/** Without retries of its own, HTTP needs no other queue than that of lists. */
const nowhere: Outlets = {
  queueOf: (pipeline, stage) => {
    throw new InvalidArgumentError(`Expected nothing to be sent to ${pipeline}.${stage} from here.`);
  },
  get merges(): Queue {
    throw new InvalidArgumentError('Expected nothing to be sent to mergers from here.');
  },
  get bus(): never {
    throw new InvalidArgumentError('Expected nothing to be published from here.');
  },
};

const queue = (env: Environment, name: string): Queue => awsQueue({ url: variable(env, name) });

/** One client for each queue: places to send to are told apart by identity. */
const outletsOf = (env: Environment): Outlets => {
  const queues = new Map<string, Queue>();
  return {
    queueOf: (pipeline, stage, urgent) => {
      const name = queueVariable(pipeline, stage, urgent);
      const known = queues.get(name) ?? queue(env, name);
      queues.set(name, known);
      return known;
    },
    merges: queue(env, 'MERGES_QUEUE_URL'),
    bus: awsBus({ name: variable(env, 'BUS_NAME') }),
  };
};

const wire = (env: Environment, outlets: Outlets, deadLetters: Queue): EventDriven => {
  const { clock, random, log } = shellServices(env);
  return eventDriven({
    pipelines: builtIn({ misbehaves: isLocalStage(variable(env, 'STAGE')) }),
    table: awsTable({ name: variable(env, 'PIPELINES_TABLE') }),
    lists: queue(env, 'LISTS_QUEUE_URL'),
    outlets,
    deadLetters,
    clock,
    random,
    log,
    maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
    // No attempt is put off for longer than it would be without.
    backoff: { baseMs: 1_000, limitMs: 1_000 * integerVariable(env, 'VISIBILITY_TIMEOUT_S', 65) },
    keepMs: KEEP_MS,
  });
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) =>
  eventDrivenHandlers(wire(env, nowhere, queue(env, 'LISTS_QUEUE_URL')));

/** What deals with messages, by the name of the queue that they come from. */
export const wireStages = (env: Environment) => {
  const batch = wire(env, outletsOf(env), queue(env, 'DEAD_LETTERS_QUEUE_URL'));
  const sources = new Map(
    Object.keys(env)
      .filter((name) => name.startsWith('QUEUE_'))
      .map((name) => queue(env, name))
      .map((each) => [each.name, each]),
  );
  return { batch, sourceOf: (name: string): Queue | undefined => sources.get(name) };
};

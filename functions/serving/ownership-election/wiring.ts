import { awsInvoker } from '#primitives/aws/invoker';
import { awsTable } from '#primitives/aws/table';
import { guarded } from '#serving/ownership-election/guarded';
import { locks } from '#serving/ownership-election/locks';
import { scheduledLeader } from '#serving/ownership-election/scheduled-leader';
import { scoped } from '#serving/ownership-election/scoped';
import { integerVariable, shellServices, variable, type Environment } from '../../shell/services.ts';
import { counters } from './counters.ts';
import { LEADER, ownershipHandlers } from './handlers.ts';

/** A conflict takes a few milliseconds to be over; fifty at once on one counter need most of the attempts. */
const ATTEMPT_COUNT = 30;
const BACKOFF = { baseMs: 20, limitMs: 400 } as const;

const table = (env: Environment, name: string) => awsTable({ name: variable(env, name) });

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const { clock, random } = shellServices(env);
  const invoker = awsInvoker();
  const run = scoped({
    table: table(env, 'COUNTERS_TABLE'),
    clock,
    random,
    attemptCount: ATTEMPT_COUNT,
    backoff: BACKOFF,
  });
  return ownershipHandlers({
    locks: locks({ table: table(env, 'LOCKS_TABLE'), clock, random }),
    resources: guarded(table(env, 'RESOURCES_TABLE')),
    counters: counters({ run, nowMs: clock.nowMs }),
    leaseMs: integerVariable(env, 'LEASE_MS', 15_000),
    // Whatever comes of it is seen in the table.
    callElection: async (signal) => void (await invoker.invoke(variable(env, 'LEADER_FUNCTION'), {}, signal)),
  });
};

/** What stands for leader. One candidate for each host of the function: it keeps its name as long as it lives. */
export const wireLeader = (env: Environment) => {
  const { clock, random, log } = shellServices(env);
  const leader = scheduledLeader({
    table: table(env, 'LOCKS_TABLE'),
    clock,
    random,
    name: LEADER,
    holder: `${variable(env, 'LEADER_FUNCTION')}/${random.uuid()}`,
    leaseMs: integerVariable(env, 'LEADER_LEASE_MS', 150_000),
  });
  return { leader, log };
};

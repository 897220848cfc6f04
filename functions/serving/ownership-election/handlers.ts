import { problem, retryAfter, type Handlers } from '#http/handlers';
import type { GuardedTable } from '#serving/ownership-election/guarded';
import type { Locks, Look } from '#serving/ownership-election/locks';
import type { ownershipApi } from './api.ts';
import type { Counters } from './counters.ts';

/** The locks of clients, apart from the one by which the functions elect their leader. */
const lockName = (name: string): string => `locks/${name}`;
export const LEADER = 'leader';

const notHolder = (name: string, holder: string) =>
  problem(409, {
    type: 'not-the-holder',
    detail: holder === '' ? `Lock '${name}' is held by nobody.` : `Lock '${name}' is held by '${holder}'.`,
    members: { holder: holder === '' ? null : holder },
  });

const observed = ({ record: { token, leaseMs, sinceMs }, unchangedForMs }: Look) => ({
  fencingToken: token,
  leaseMs,
  since: new Date(sinceMs).toISOString(),
  unchangedForMs: Math.round(unchangedForMs),
});

const resourceKey = (name: string) => ({ partition: `resource/${name}`, sort: 'value' });

export const ownershipHandlers = (options: {
  readonly locks: Locks;
  readonly resources: GuardedTable;
  readonly counters: Counters;
  /** Lets the scheduled function stand for leader now; resolves when it has. */
  readonly callElection: (signal: AbortSignal) => Promise<void>;
  /** Of a lock whose client names none. */
  readonly leaseMs: number;
}): Handlers<typeof ownershipApi> => {
  const { locks, resources, counters, callElection } = options;
  return {
    acquire: async ({ params: { name }, body: { holder, leaseMs = options.leaseMs }, operationId }) => {
      const outcome = await locks.acquire(lockName(name), { holder, leaseMs, claim: operationId });
      if (outcome.status === 'acquired')
        return { status: 200, body: { fencingToken: outcome.token, leaseMs: outcome.leaseMs } };
      return problem(409, {
        type: 'lock-held',
        detail: `Lock '${name}' is held by '${outcome.holder}'.`,
        members: { holder: outcome.holder, fencingToken: outcome.token },
        // Not kept under an idempotency-key: asking again later is what a waiter does.
        headers: retryAfter(outcome.takeableInMs),
      });
    },
    renew: async ({ params: { name }, body: { holder, fencingToken } }) => {
      const outcome = await locks.renew(lockName(name), { holder, token: fencingToken });
      return outcome.status === 'renewed' ? { status: 200, body: { fencingToken } } : notHolder(name, outcome.holder);
    },
    release: async ({ params: { name }, body: { holder, fencingToken } }) => {
      const outcome = await locks.release(lockName(name), { holder, token: fencingToken });
      return outcome.status === 'released' ? { status: 200, body: { fencingToken } } : notHolder(name, outcome.holder);
    },
    lock: async ({ params: { name } }) => {
      const look = await locks.look(lockName(name));
      if (look === undefined) return problem(404, { detail: `Nobody ever held a lock '${name}'.` });
      const { holder } = look.record;
      return { status: 200, body: { name, holder: holder === '' ? null : holder, ...observed(look) } };
    },
    write: async ({ params: { name }, body: { fencingToken, value } }) => {
      const fields = { value: JSON.stringify(value) };
      const outcome = await resources.put({ key: resourceKey(name), fields, token: fencingToken });
      if (outcome.status === 'written') return { status: 200, body: { fencingToken } };
      const seen = outcome.status === 'fenced' ? outcome.token : fencingToken;
      return problem(409, {
        type: 'fenced',
        detail: `A higher token has written '${name}': whoever holds ${fencingToken} has been succeeded.`,
        members: { fencingToken: seen },
      });
    },
    read: async ({ params: { name } }) => {
      const record = await resources.get(resourceKey(name));
      if (record === undefined) return problem(404, { detail: `Nobody has written '${name}'.` });
      const { value } = record.fields;
      return {
        status: 200,
        body: { fencingToken: record.token, value: JSON.parse(typeof value === 'string' ? value : 'null') },
      };
    },
    leader: async ({ signal }) => {
      let look = await locks.look(LEADER);
      if (look === undefined || look.record.holder === '') {
        await callElection(signal);
        look = await locks.look(LEADER);
      }
      if (look === undefined || look.record.holder === '') return problem(503, { detail: 'Nobody leads yet.' });
      return { status: 200, body: { holder: look.record.holder, ...observed(look) } };
    },
    count: async ({ params: { name }, body: { add }, headers, operationId, signal }) => {
      // Without a key nobody can ask again for the same addition.
      const onceAs = headers['idempotency-key'] === undefined ? undefined : operationId;
      const outcome = await counters.add(name, add, { onceAs, signal });
      if (outcome.status === 'added') return { status: 200, body: outcome.result };
      return problem(409, {
        detail: `Counter '${name}' is at ${outcome.value}: the sum would leave the integers that are exact.`,
        members: { value: outcome.value },
      });
    },
  };
};

import { batchWorker } from 'distributed-patterns/batch/work-queue';
import { jsonLog, systemClock, systemRandom } from 'distributed-patterns/primitives';
import { awsQueue, awsTable } from 'distributed-patterns/primitives/aws';
import { idempotency } from 'distributed-patterns/resilience/idempotency';
import { guarded, locks } from 'distributed-patterns/serving/ownership-election';
import { cache } from 'distributed-patterns/serving/replicated';
import { boxOfficeHandlers, countSold } from './handlers.ts';
import { ticketWorker } from './ticket-worker.ts';

const DAY_MS = 86_400_000;

/** A variable that serverless.yml sets. */
const variable = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`Expected ${name} to be set, got nothing.`);
  return value;
};
const table = (name: string) => awsTable({ name: variable(name) });

const clock = systemClock();
const random = systemRandom();
const log = jsonLog({ level: 'info', clock, write: (line) => process.stdout.write(`${line}\n`) });

/** What every HTTP function needs. */
export const services = () => ({
  clock,
  random,
  log,
  idempotency: idempotency({ table: table('MARKS_TABLE'), clock, random, inProgressMs: 30_000, keepMs: DAY_MS }),
});

export const wireHandlers = () => {
  const seats = table('SEATS_TABLE');
  const sold = cache({
    name: 'sold',
    load: (show: string) => countSold(seats, show),
    clock,
    random,
    shared: {
      table: table('MARKS_TABLE'),
      leaseMs: 5_000,
      pollMs: 50,
      maxClockSkewMs: 500,
      timeoutMs: 1_000,
      pauseMs: 5_000,
    },
    softTtlMs: 1_000,
    hardTtlMs: 10_000,
    staleIfErrorMs: DAY_MS,
    negativeTtlMs: 1_000,
    jitter: 0.1,
    loadTimeoutMs: 4_000,
    errorPauseMs: 1_000,
    maxEntryCount: 1_000,
    maxBytes: 2 ** 20,
    maxLoadCount: 100,
  });
  return boxOfficeHandlers({
    locks: locks({ table: table('LOCKS_TABLE'), clock, random }),
    seats: guarded(seats),
    sold,
    printing: awsQueue({ url: variable('PRINTING_QUEUE_URL') }),
    tickets: table('TICKETS_TABLE'),
  });
};

export const wirePrinter = () => {
  const tickets = table('TICKETS_TABLE');
  return batchWorker({
    jobs: tickets,
    effects: tickets,
    undeliverable: awsQueue({ url: variable('DEAD_LETTERS_QUEUE_URL') }),
    source: awsQueue({ url: variable('PRINTING_QUEUE_URL') }),
    workers: [ticketWorker(tickets)],
    clock,
    random,
    log,
    maxReceiveCount: 5,
    leaseMs: 10_000,
    keepMs: 30 * DAY_MS,
  });
};

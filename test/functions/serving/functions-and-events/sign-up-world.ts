import { messagesOf, partialBatch, type SqsEvent } from '#batch/partial-batch';
import { UnavailableError } from '#primitives/errors';
import type { PublishedEvent } from '#primitives/memory/bus';
import type { MemoryTable } from '#primitives/memory/table';
import type { Queue } from '#primitives/queue';
import type { Table } from '#primitives/table';
import { mailbox, type Mailer } from '#serving/functions-and-events/mailbox/mailbox';
import { signUps } from '#serving/functions-and-events/sign-up/sign-ups';
import { signUpSteps } from '#serving/functions-and-events/sign-up/sign-up-steps';
import { codeSender } from '#serving/functions-and-events/two-factor/code-sender';
import { keyedMac } from '#serving/functions-and-events/two-factor/mac';
import { outside } from '#simulation/processes';
import type { World } from '#simulation/world';
import { buryWork, stepWork, type WorkOptions } from '../../../../functions/serving/functions-and-events/work.ts';
import { quiet } from '../../../lib/batch/work-queue/world.ts';

/** More than the faults of a run: what can succeed does, what cannot is compensated. */
const MAX_RECEIVE_COUNT = 6;
const DAY_MS = 86_400_000;
/** Events of one kind that come twice, which buses may do. */
const TWICE_RATE = 0.1;

/** As EventBridge wraps it. */
const envelopeOf = ({ id, source, type, detail, atMs }: PublishedEvent): string =>
  JSON.stringify({ version: '0', id, 'detail-type': type, source, time: new Date(atMs).toISOString(), detail });

const TASKS = [
  'challenge.requested',
  'signup.requested',
  'signup.reserved',
  'signup.account-created',
  'signup.step-failed',
];

export const KEY = Buffer.alloc(32, 7);

/** The pattern in a simulated account, wired as in the template: bus, rules, queues, functions. */
export const signUpWorld = (
  w: World,
  options: {
    /** What the steps, and those who start sign-ups, write to, in place of the table itself: for planted faults. */
    readonly stepsTable?: (table: Table) => Table;
    readonly apiTable?: (table: Table) => Table;
    /** Likewise of the sender of codes. */
    readonly senderTable?: (table: Table) => Table;
    /** Welcome mails to these fail for ever. */
    readonly unreachable?: readonly string[];
  } = {},
) => {
  const { clock, random } = w;
  const [table, mails, bus] = [w.table('state'), w.table('mails'), w.bus('events')];
  const deadLetters = w.queue('steps-dead-letters');
  const undeliverable = w.queue('steps-undeliverable', { deadLetter: { queue: deadLetters, maxReceiveCount: 1_000 } });
  const source = w.queue('steps', { deadLetter: { queue: undeliverable, maxReceiveCount: MAX_RECEIVE_COUNT } });
  bus.subscribe(async (event) => {
    if (!TASKS.includes(event.type)) return;
    const copies = w.random.next() < TWICE_RATE ? 2 : 1;
    const messages = Array.from({ length: copies }, () => ({ body: envelopeOf(event) }));
    await outside(() => source.sendBatch(messages));
  });

  const box = mailbox({ table: mails, clock, keepMs: DAY_MS });
  const mailer: Mailer = async (mail) => {
    if (options.unreachable?.includes(mail.to)) throw new UnavailableError('no host takes this mail');
    await box.send(mail);
  };
  const stepsTable = options.stepsTable?.(table) ?? table;
  const apiTable = options.apiTable?.(table) ?? table;
  const api = () => signUps({ table: apiTable, bus, clock, random, restartAfterMs: 60_000 });
  const steps = () =>
    signUpSteps({ table: stepsTable, bus, mailer, clock, random, attemptCount: MAX_RECEIVE_COUNT, keepMs: DAY_MS });
  const sender = () =>
    codeSender({
      table: options.senderTable?.(table) ?? table,
      mailer,
      mac: keyedMac(KEY),
      drawBelow: (limit) => Math.floor(random.next() * limit),
      clock,
      lifetimeMs: 600_000,
    });
  const shared = { source, deadLetters, maxReceiveCount: MAX_RECEIVE_COUNT, clock, random, log: quiet } as const;
  const work = (): WorkOptions => ({
    sendCode: sender(),
    signUps: api(),
    steps: steps(),
    backoff: { baseMs: 1_000, limitMs: 30_000 },
    ...shared,
  });
  const consumer = (name: string, queue: Queue, boot: () => (message: never) => Promise<void>): void =>
    w.source({
      queue,
      function: w.function({
        name,
        boot: () => {
          const handle = boot();
          return (event: SqsEvent) => partialBatch(messagesOf(event), handle as (message: object) => Promise<void>);
        },
      }),
    });
  consumer('steps', source, () => stepWork(work()));
  consumer('bury', undeliverable, () => buryWork(work()));
  return { table, mails, bus, source, deadLetters, api, steps, box, clock, random };
};

export const idsIn = (table: MemoryTable, kind: string): readonly string[] =>
  table
    .dump()
    .flatMap(({ key }) => (key.partition.startsWith(`${kind}/`) ? [key.partition.slice(kind.length + 1)] : []));

const fieldIn = (table: MemoryTable, partition: string, field: string): string | undefined => {
  const value = table.dump().find(({ key }) => key.partition === partition)?.fields[field];
  return typeof value === 'string' ? value : undefined;
};

/** Where a sign-up stands, as it is stored. */
export const stateIn = (table: MemoryTable, signupId: string): string =>
  fieldIn(table, `signup/${signupId}`, 'state') ?? 'none';

export const ownerIn = (table: MemoryTable, email: string): string =>
  fieldIn(table, `address/${email}`, 'signupId') ?? 'nobody';

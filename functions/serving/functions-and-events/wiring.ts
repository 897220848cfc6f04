import { randomInt } from 'node:crypto';
import { awsBus } from '#primitives/aws/bus';
import { awsQueue } from '#primitives/aws/queue';
import { awsTable } from '#primitives/aws/table';
import { PatternError } from '#primitives/errors';
import { isLocalStage } from '#primitives/local-stage';
import { mailbox, type Mailbox, type Mailer } from '#serving/functions-and-events/mailbox/mailbox';
import { orderBook } from '#serving/functions-and-events/orders';
import { signUps } from '#serving/functions-and-events/sign-up/sign-ups';
import { signUpSteps } from '#serving/functions-and-events/sign-up/sign-up-steps';
import { challenges } from '#serving/functions-and-events/two-factor/challenges';
import { codeSender } from '#serving/functions-and-events/two-factor/code-sender';
import { keyedMac } from '#serving/functions-and-events/two-factor/mac';
import {
  integerVariable,
  shellServices,
  variable,
  type Environment,
  type ShellServices,
} from '../../shell/services.ts';
import { httpServices } from '../../shell/idempotency.ts';
import { codeKey } from './code-key.ts';
import { functionsAndEventsHandlers } from './handlers.ts';
import { decoratedOrders } from './orders.ts';
import { buryWork, stepWork } from './work.ts';

/** NIST SP 800-63B, 5.1.3.2: a code sent out of band is good for ten minutes at most. */
const CODE_LIFETIME_MS = 300_000;
const ATTEMPT_COUNT = 5;
const DAY_MS = 86_400_000;
const RESTART_AFTER_MS = 60_000;
const BACKOFF_BASE_MS = 1_000;

const queue = (env: Environment, name: string) => awsQueue({ url: variable(env, name) });
const lifetimeMs = (env: Environment): number => integerVariable(env, 'CODE_LIFETIME_MS', CODE_LIFETIME_MS);

const stores = (env: Environment) => ({
  table: awsTable({ name: variable(env, 'STATE_TABLE') }),
  bus: awsBus({ name: variable(env, 'EVENT_BUS') }),
});

/** Only on one machine: a mail there is kept in clear. */
const localMailbox = (env: Environment, { clock }: ShellServices): Mailbox | undefined =>
  isLocalStage(variable(env, 'STAGE'))
    ? mailbox({ table: awsTable({ name: variable(env, 'MAILBOX_TABLE') }), clock, keepMs: DAY_MS })
    : undefined;

/** Elsewhere this is the place for a provider of mail; until there is one, nothing is sent, and that is said. */
const noMailer: Mailer = async () => {
  throw new PatternError('functions-and-events/no-mailer', 'No mailer is wired for this stage');
};

const signUpsOf = (env: Environment, services: ShellServices) => {
  const { clock, random } = services;
  return signUps({ ...stores(env), clock, random, restartAfterMs: RESTART_AFTER_MS });
};

const stepsOf = (env: Environment, services: ShellServices, mailer: Mailer) => {
  const { clock, random } = services;
  const attemptCount = integerVariable(env, 'MAX_RECEIVE_COUNT', 5);
  return signUpSteps({ ...stores(env), mailer, clock, random, attemptCount, keepMs: 30 * DAY_MS });
};

/** What answers HTTP. */
export const wireHandlers = (env: Environment) => {
  const services = shellServices(env);
  const { clock, random } = services;
  const limits = { attemptCount: ATTEMPT_COUNT, lifetimeMs: lifetimeMs(env) };
  return functionsAndEventsHandlers({
    placeOrder: decoratedOrders({
      orders: orderBook({ table: stores(env).table, clock }),
      idempotency: httpServices(env).idempotency,
    }),
    challenges: challenges({ ...stores(env), mac: keyedMac(codeKey(env)), clock, random, ...limits }),
    limits,
    signUps: signUpsOf(env, services),
    mailbox: localMailbox(env, services),
  });
};

const deadLetters = (env: Environment) => ({
  deadLetters: queue(env, 'DEAD_LETTERS_QUEUE_URL'),
  maxReceiveCount: integerVariable(env, 'MAX_RECEIVE_COUNT', 5),
});

/** What sends codes and brings sign-ups on. */
export const wireSteps = (env: Environment) => {
  const services = shellServices(env);
  const { clock, random, log } = services;
  const mailer = localMailbox(env, services)?.send ?? noMailer;
  const { table } = stores(env);
  const work = stepWork({
    sendCode: codeSender({
      table,
      mailer,
      mac: keyedMac(codeKey(env)),
      drawBelow: (limit) => randomInt(limit),
      clock,
      lifetimeMs: lifetimeMs(env),
    }),
    signUps: signUpsOf(env, services),
    steps: stepsOf(env, services, mailer),
    source: queue(env, 'STEPS_QUEUE_URL'),
    ...deadLetters(env),
    // No attempt is put off for longer than it would be without.
    backoff: { baseMs: BACKOFF_BASE_MS, limitMs: 1_000 * integerVariable(env, 'VISIBILITY_TIMEOUT_S', 65) },
    clock,
    random,
    log,
  });
  return { work, log };
};

/** What ends the undeliverable. */
export const wireBury = (env: Environment) => {
  const services = shellServices(env);
  const { clock, random, log } = services;
  const bury = buryWork({ steps: stepsOf(env, services, noMailer), ...deadLetters(env), clock, random, log });
  return { bury, log };
};

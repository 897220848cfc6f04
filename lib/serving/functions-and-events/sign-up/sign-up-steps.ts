import type { Bus } from '#primitives/bus';
import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import { checkFunction, checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import { absent, equals, or, type Table, type Update } from '#primitives/table';
import { jitteredPauseOf, persistence } from '#resilience/persist';
import { untilAnswered } from '#resilience/until-answered';
import { announce } from '../events.ts';
import type { Mailer } from '../mailbox/mailbox.ts';
import { emailOf } from './email.ts';
import {
  accountKey,
  addressKey,
  EVENT_OF,
  refusedSignUp,
  signUpKey,
  signUpOf,
  standsAt,
  SUCCESSORS,
  type SignUpRecord,
  type State,
  type StepLog,
  type Task,
} from './record.ts';
import type { SignUpRequest } from './sign-ups.ts';
import { transactions } from './transaction.ts';

/** `stale`: it was done before, or another way was taken meanwhile; nothing was changed. */
export type StepOutcome = 'done' | 'compensating' | 'stale';

export interface SignUpStepsOptions {
  readonly table: Table;
  readonly bus: Bus;
  readonly mailer: Mailer;
  readonly clock: Clock;
  readonly random: Random;
  /** After so many failed attempts of a step the sign-up is compensated. 1..1_000. */
  readonly attemptCount: number;
  /** How long sign-ups that have ended are remembered. At least a day, in ms. */
  readonly keepMs: number;
}

/** Of which sign-up, what, and by which attempt. */
export interface StepDelivery {
  readonly signupId: string;
  readonly task: Task;
  /** How often this delivery was tried, this time included: 1 and more. */
  readonly attempt: number;
  readonly traceparent?: string;
}

export interface SignUpSteps {
  /**
   * Does what an event asks for, once, however often it comes: a step writes what it does and where the sign-up stands
   * then in one transaction; a mail goes out before that, always under the same id. Then it publishes the next event;
   * a delivery that finds its step done publishes it again, since a crash may have come between.
   *
   * The last attempt that fails turns the sign-up to compensation, unless its mail is out: then the event has to come
   * again. Compensation itself is tried for as long as its event comes. Three calls, four with a mail.
   *
   * @throws what an attempt failed with that is to be made again
   * @throws {@link InvalidArgumentError} when there is no such sign-up, and when it can't be compensated since its address
   *   is another's: somebody has to look
   */
  run(delivery: StepDelivery): Promise<StepOutcome>;
  /** Turns a sign-up to compensation, unless it has got past the task: for deliveries that never were answered. */
  giveUp(delivery: StepDelivery, reason: string): Promise<StepOutcome>;
  /**
   * Notes down that a sign-up was refused because somebody has its address, for whoever looks: an event has no answer
   * that could say so. It is `failed` then, with the reason `address taken`, and remembered for `keepMs`. A sign-up that
   * there is stays as it is. One call.
   */
  refuse(request: SignUpRequest): Promise<void>;
}

const DAY_MS = 86_400_000;
const MAX_REASON_LENGTH = 300;

const pauseOf = jitteredPauseOf({ baseMs: 40, limitMs: 500 });
/** A mail can't be taken back: that it is out is noted down at once, if at all possible. */
const persist = persistence({ code: 'sign-up/not-noted', tryCount: 5 });

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON_LENGTH).toWellFormed();

/**
 * The steps of a sign-up that events call for: the account is made, then greeted by mail. The mail is last, because it
 * cannot be taken back.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const signUpSteps = (options: SignUpStepsOptions): SignUpSteps => {
  checkNames(options, ['table', 'bus', 'mailer', 'clock', 'random', 'attemptCount', 'keepMs']);
  const { table, bus, mailer, clock, random, attemptCount, keepMs } = options;
  checkParts({ table, bus, clock, random });
  checkFunction('mailer', mailer);
  checkInteger('attemptCount', attemptCount, 1, 1_000);
  checkInteger('keepMs', keepMs, DAY_MS, 400 * DAY_MS);
  const transact = transactions(options);
  const pause = pauseOf({ clock, random });

  const find = async (signupId: string): Promise<SignUpRecord> => {
    const fields = await table.get(signUpKey(signupId));
    if (fields === undefined) throw new InvalidArgumentError(`There is no sign-up ${signupId}.`);
    return signUpOf(fields);
  };

  /** The write that brings a sign-up from where it stands to where it goes. */
  const move = (
    signupId: string,
    from: Task,
    to: State,
    more: { readonly log: SignUpRecord['log']; readonly failure?: string },
  ): Update => ({
    key: signUpKey(signupId),
    set: { state: to, log: { ...more.log }, ...(more.failure === undefined ? {} : { failure: more.failure }) },
    condition: standsAt(from),
    ...(to === 'completed' || to === 'failed' ? { expiresAtMs: clock.nowMs() + keepMs } : {}),
  });

  const logged = ({ log }: SignUpRecord, task: Task, attempts: number, status: StepLog['status']) => ({
    ...log,
    [task]: { status, attempts, atMs: clock.nowMs() },
  });

  /** Gives true when it was this call that brought the sign-up on; calls `onMailed` when its mail is out. */
  type Run = (record: SignUpRecord, delivery: StepDelivery, onMailed: () => void) => Promise<boolean>;

  const tasks: Readonly<Record<Task, Run>> = {
    account: async (record, { signupId, attempt }) => {
      const { email, name } = record;
      const log = logged(record, 'account', attempt, 'done');
      const refusals = await transact([
        { kind: 'put', key: accountKey(signupId), fields: { email, name }, condition: absent() },
        { kind: 'update', ...move(signupId, 'account', 'welcome', { log }) },
      ]);
      return refusals === undefined;
    },
    welcome: async (record, { signupId, attempt }, onMailed) => {
      const { email, name } = record;
      await mailer({ id: signupId, to: email, subject: 'Welcome', text: `Welcome, ${name}. Your account is ready.` });
      onMailed();
      const log = logged(record, 'welcome', attempt, 'done');
      const completed = move(signupId, 'welcome', 'completed', { log });
      const { status } = await persist(`complete ${signupId}`, pause, () => table.update(completed));
      return status === 'written';
    },
    compensate: async (record, { signupId }) => {
      const undone = Object.entries(record.log).map(([name, step]): [string, StepLog] => [
        name,
        step.status === 'done' ? { ...step, status: 'undone', atMs: clock.nowMs() } : step,
      ]);
      const refusals = await transact([
        { kind: 'delete', key: accountKey(signupId) },
        // The address of another is never freed: then the whole of it is refused, and somebody has to look.
        { kind: 'delete', key: addressKey(record.email), condition: or(absent(), equals('signupId', signupId)) },
        { kind: 'update', ...move(signupId, 'compensate', 'failed', { log: Object.fromEntries(undone) }) },
      ]);
      const [, isOthers, hasMoved] = refusals ?? [];
      if (isOthers !== undefined && hasMoved === undefined)
        throw new InvalidArgumentError(`Sign-up ${signupId} is not undone: its address is another's.`);
      return refusals === undefined;
    },
  };

  const tell = ({ signupId, traceparent }: StepDelivery, state: State): Promise<void> =>
    announce(bus, EVENT_OF[state], { signupId }, traceparent);

  /** Somebody brought it on before. Only the very next state may lack its event. */
  const goOn = async (delivery: StepDelivery, state: State): Promise<StepOutcome> => {
    if (SUCCESSORS[delivery.task].includes(state)) await tell(delivery, state);
    return 'stale';
  };

  const giveUp: SignUpSteps['giveUp'] = async (delivery, reason) => {
    const { signupId, task, attempt } = delivery;
    const record = await find(signupId);
    if (record.state !== task || task === 'compensate') return goOn(delivery, record.state);
    const log = logged(record, task, attempt, 'failing');
    const {
      key,
      set = {},
      condition = absent(),
    } = move(signupId, task, 'compensate', { log, failure: `${task}: ${reason}` });
    const { status } = await untilAnswered(() => table.update({ key, set, condition }));
    if (status === 'refused') return goOn(delivery, (await find(signupId)).state);
    await tell(delivery, 'compensate');
    return 'compensating';
  };

  /** To be seen by whoever looks; if it cannot be noted down, the attempt has failed all the same. */
  const note = async (record: SignUpRecord, { signupId, task, attempt }: StepDelivery): Promise<void> => {
    try {
      const log = logged(record, task, attempt, 'failing');
      await table.update({ key: signUpKey(signupId), set: { log }, condition: standsAt(task) });
    } catch {
      // What failed was the step: its error is the one to be told.
    }
  };

  return Object.freeze<SignUpSteps>({
    giveUp,
    refuse: async ({ signupId, email: given, name }) => {
      checkText('signupId', signupId, 1, 256);
      const nowMs = clock.nowMs();
      const fields = refusedSignUp(emailOf(given), name, nowMs);
      const put = { key: signUpKey(signupId), fields, condition: absent(), expiresAtMs: nowMs + keepMs };
      await untilAnswered(() => table.put(put));
    },
    run: async (delivery) => {
      const { signupId, task, attempt } = delivery;
      const record = await find(signupId);
      if (record.state !== task) return goOn(delivery, record.state);
      let isOurs: boolean;
      let isMailed = false;
      try {
        isOurs = await tasks[task](record, delivery, () => {
          isMailed = true;
        });
      } catch (error) {
        if (task !== 'compensate' && attempt >= attemptCount && !isMailed) return giveUp(delivery, reasonOf(error));
        if (task !== 'compensate') await note(record, delivery);
        throw error;
      }
      if (!isOurs) return goOn(delivery, (await find(signupId)).state);
      await tell(delivery, SUCCESSORS[task][0] ?? 'completed');
      return 'done';
    },
  });
};

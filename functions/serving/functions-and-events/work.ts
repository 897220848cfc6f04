import { retryDelayMs, retryLater, type Backoff } from '#batch/work-queue/retry-later';
import { sendAll } from '#batch/work-queue/send';
import { jitteredPause } from '#batch/pause';
import { undeliverable } from '#batch/work-queue/undeliverable';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError } from '#primitives/errors';
import type { Log } from '#primitives/log';
import type { Queue, ReceivedMessage } from '#primitives/queue';
import type { Random } from '#primitives/random';
import { parseTraceparent } from '#primitives/trace';
import type { SignUpSteps } from '#serving/functions-and-events/sign-up/sign-up-steps';
import type { SignUps } from '#serving/functions-and-events/sign-up/sign-ups';
import type { CodeSender } from '#serving/functions-and-events/two-factor/code-sender';
import { parseWork, type Work } from './messages.ts';

export interface WorkOptions {
  readonly sendCode: CodeSender;
  readonly signUps: SignUps;
  readonly steps: SignUpSteps;
  /** Where the messages come from, and where those go that nobody can help. */
  readonly source: Queue;
  readonly deadLetters: Queue;
  readonly backoff: Backoff;
  /** How often the source delivers a message. */
  readonly maxReceiveCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Why a message is dead. Of a code it is not told how the mailer put it: it knows the code. */
const reasonOf = (work: Work, error: unknown): string =>
  error instanceof InvalidArgumentError || work.kind !== 'challenge'
    ? String(error instanceof Error ? error.message : error)
    : 'the code could not be sent';

const traceOf = ({ traceparent }: Work) => (traceparent === undefined ? {} : { traceparent });

const traceField = ({ traceparent }: Work) => {
  const trace = parseTraceparent(traceparent);
  return trace === undefined ? {} : { traceId: trace.traceId };
};

const deadLetterSender = ({
  deadLetters,
  log,
  ...rest
}: Pick<WorkOptions, 'deadLetters' | 'log' | 'clock' | 'random'>) => {
  const pause = jitteredPause(rest);
  return async (message: ReceivedMessage, reason: string, attempts: number): Promise<void> => {
    await sendAll(deadLetters, [undeliverable(message, { reason, attempts })], pause);
    log.warn('dead letter', { message: message.id, reason, attempts });
  };
};

/**
 * What a message of the queue of steps asks for is done, or put off for another attempt, or it becomes a dead letter
 * with its reason: at once when no attempt can succeed.
 */
export const stepWork = (options: WorkOptions) => {
  const { sendCode, signUps, steps, source, backoff, maxReceiveCount, random, log } = options;
  const bury = deadLetterSender(options);

  const run = async (work: Work, { sentAtMs, receiveCount: attempt }: ReceivedMessage): Promise<string> => {
    const trace = traceOf(work);
    if (work.kind === 'challenge') {
      const { challengeId, user, address } = work;
      return sendCode({ challengeId, user, address, ...trace }, sentAtMs);
    }
    if (work.kind === 'task') return steps.run({ signupId: work.signupId, task: work.task, attempt, ...trace });
    const { signupId, email, name } = work;
    const outcome = await signUps.start({ signupId, email, name, ...trace });
    // Nobody waits for an answer: it is there for whoever looks.
    if (outcome === 'taken') await steps.refuse({ signupId, email, name });
    return outcome;
  };

  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseWork(message);
    if (!parsed.ok) return bury(message, parsed.reason, message.receiveCount);
    const { value: work } = parsed;
    try {
      const outcome = await run(work, message);
      log.info('step', { message: message.id, kind: work.kind, outcome, ...traceField(work) });
    } catch (error) {
      const isLast = work.kind !== 'task' && message.receiveCount >= maxReceiveCount;
      if (error instanceof InvalidArgumentError || isLast)
        return bury(message, reasonOf(work, error), message.receiveCount);
      await retryLater(source, [{ message, delayMs: retryDelayMs(message.receiveCount, backoff, random) }]);
      throw error;
    }
  };
};

/** Ends what SQS itself gave up, since a function died over it: a sign-up is compensated, the rest become dead letters. */
export const buryWork = (
  options: Pick<WorkOptions, 'steps' | 'deadLetters' | 'clock' | 'random' | 'log' | 'maxReceiveCount'>,
) => {
  const { steps, maxReceiveCount: attempt } = options;
  const bury = deadLetterSender(options);
  const reason = `received ${attempt} times without an answer`;

  return async (message: ReceivedMessage): Promise<void> => {
    const parsed = parseWork(message);
    if (!parsed.ok) return bury(message, parsed.reason, attempt);
    const { value: work } = parsed;
    if (work.kind !== 'task' || work.task === 'compensate') return bury(message, reason, attempt);
    const { signupId, task } = work;
    try {
      await steps.giveUp({ signupId, task, attempt, ...traceOf(work) }, reason);
    } catch (error) {
      if (!(error instanceof InvalidArgumentError)) throw error;
      await bury(message, error.message, attempt);
    }
  };
};

import type { Bus } from '#primitives/bus';
import { checkInteger, checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { InvalidArgumentError, OutcomeUnknownError } from '#primitives/errors';
import { checkParts } from '#primitives/part-checks';
import type { Random } from '#primitives/random';
import { absent, type Table } from '#primitives/table';
import { announce } from '../events.ts';
import { emailOf } from './email.ts';
import {
  addressKey,
  EVENT_OF,
  isRefusedSignUp,
  signUpKey,
  signUpOf,
  viewOf,
  type SignUpRecord,
  type SignUpView,
  type State,
} from './record.ts';
import { transactions } from './transaction.ts';

export interface SignUpRequest {
  /** Names the sign-up. A request that is repeated under the same id is the same sign-up. */
  readonly signupId: string;
  /** Compared in the form of `normalizeEmail`. */
  readonly email: string;
  /** 1..256 bytes. */
  readonly name: string;
  readonly traceparent?: string;
}

export interface SignUpsOptions {
  readonly table: Table;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly random: Random;
  /** A sign-up that has not begun after so long is set going again by the next who wants its address. 1_000..3_600_000 ms. */
  readonly restartAfterMs: number;
}

export interface SignUps {
  /**
   * Takes an address, which nobody else has then, and starts the pipeline. Of many who want one address at once one is
   * `accepted`. Two calls.
   *
   * After a crash between the two nothing is lost: the same request finds the address its own, and starts the pipeline
   * again; so does, without becoming its owner, whoever wants the address later.
   *
   * @throws {@link UnavailableError} when the event was not taken: the same request may be repeated
   */
  start(request: SignUpRequest): Promise<'accepted' | 'taken'>;
  /** Where a sign-up stands; undefined for one that there is not. One call. */
  look(signupId: string): Promise<SignUpView | undefined>;
}

const LOST_ANSWERS_LIMIT = 3;

/**
 * Sign-ups: who may have an address, and where each stands. What is to be done is done by `signUpSteps`.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 * @see Burns, Designing Distributed Systems, chapter 9
 */
export const signUps = (options: SignUpsOptions): SignUps => {
  checkNames(options, ['table', 'bus', 'clock', 'random', 'restartAfterMs']);
  const { table, bus, clock, random, restartAfterMs } = options;
  checkParts({ table, bus, clock, random });
  checkInteger('restartAfterMs', restartAfterMs, 1_000, 3_600_000);
  const transact = transactions(options);

  const tell = (signupId: string, state: State, traceparent?: string): Promise<void> =>
    announce(bus, EVENT_OF[state], { signupId }, traceparent);

  const find = async (signupId: string): Promise<SignUpRecord | undefined> => {
    const fields = await table.get(signUpKey(signupId));
    return fields === undefined ? undefined : signUpOf(fields);
  };

  /** Its first event may never have been sent. A second one changes nothing. */
  const restart = async (signupId: string): Promise<void> => {
    const record = await find(signupId);
    const isLate = clock.nowMs() - (record?.log['reserve']?.atMs ?? Infinity) > restartAfterMs;
    if (record?.state === 'account' && isLate) await tell(signupId, 'account');
  };

  const reserve = async ({ signupId, name }: SignUpRequest, email: string) => {
    const log = { reserve: { status: 'done', attempts: 1, atMs: clock.nowMs() } };
    return transact([
      { kind: 'put', key: signUpKey(signupId), fields: { email, name, state: 'account', log }, condition: absent() },
      { kind: 'put', key: addressKey(email), fields: { signupId }, condition: absent() },
    ]);
  };

  /** A repeat after a lost answer is refused by its own effect, and knows it by the id. */
  const reserveUntilAnswered = async (request: SignUpRequest, email: string) => {
    for (let lost = 1; ; lost += 1) {
      try {
        return await reserve(request, email);
      } catch (error) {
        if (!(error instanceof OutcomeUnknownError) || lost >= LOST_ANSWERS_LIMIT) throw error;
      }
    }
  };

  return Object.freeze<SignUps>({
    start: async (request) => {
      const { signupId, name, traceparent } = request;
      checkText('signupId', signupId, 1, 256);
      checkText('name', name, 1, 256);
      const email = emailOf(request.email);
      const refusals = await reserveUntilAnswered(request, email);
      const own = refusals?.[0]?.current;
      if (refusals === undefined || own !== undefined) {
        if (own !== undefined && signUpOf(own).email !== email)
          throw new InvalidArgumentError(`Sign-up ${signupId} is of another address.`);
        // Noted down as refused: a repeat is told the same, also when the address is free by now.
        if (own !== undefined && isRefusedSignUp(signUpOf(own))) return 'taken';
        const state = own === undefined ? 'account' : signUpOf(own).state;
        if (state === 'account') await tell(signupId, state, traceparent);
        return 'accepted';
      }
      const owner = refusals[1]?.current?.['signupId'];
      if (typeof owner === 'string') await restart(owner);
      return 'taken';
    },
    look: async (signupId) => {
      checkText('signupId', signupId, 1, 256);
      const record = await find(signupId);
      return record === undefined ? undefined : viewOf(signupId, record);
    },
  });
};

import type { Alarm, Alarms } from './alarms.ts';
import { isThenable, type Attempt, type Call } from './attempt.ts';
import type { Pass } from './breaker-step.ts';
import type { CircuitBreaker } from './circuit-breaker.ts';
import { TimeoutError } from './errors.ts';

/** What goes around the attempts of one verb. */
export interface Around {
  readonly alarms: Alarms;
  /** Is told how each attempt ended; its caller waits for it as long as there is time. */
  readonly breaker: CircuitBreaker | undefined;
}

/** Gets the outcome of an attempt, by one of the two, once. */
export interface Waiting<T> {
  readonly onValue: (value: T) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * One attempt from its beginning to its end. It is its own alarm and its own listener, because all of it is on the path
 * of every healthy call; a class for the same reason, and because it has a life.
 *
 * It ends by the call, when it is due, or when the caller's signal is aborted, whichever comes first; then the attempt's
 * own signal is aborted, and what the call still comes to is dropped.
 */
export class RunningAttempt<T> implements Attempt, Alarm {
  readonly number: number;
  readonly dueAtMs: number;
  isSet = false;
  earlier: Alarm | undefined = undefined;
  later: Alarm | undefined = undefined;
  private readonly startedAtMs: number;
  private readonly around: Around;
  private readonly caller: AbortSignal | undefined;
  private readonly waiting: Waiting<T>;
  /** What the breaker gave, if there is one, and once it has. */
  private pass: Pass | undefined = undefined;
  /** It has ended, and only the breaker is waited for. */
  private answer: (() => void) | undefined = undefined;
  private controller: AbortController | undefined = undefined;
  private abortedWith: { readonly reason: unknown } | undefined = undefined;

  constructor(options: {
    readonly number: number;
    readonly startedAtMs: number;
    readonly dueAtMs: number;
    readonly around: Around;
    readonly caller: AbortSignal | undefined;
    readonly waiting: Waiting<T>;
  }) {
    this.number = options.number;
    this.startedAtMs = options.startedAtMs;
    this.dueAtMs = options.dueAtMs;
    this.around = options.around;
    this.caller = options.caller;
    this.waiting = options.waiting;
  }

  /** Late: most calls never look at it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.abortedWith !== undefined) this.controller.abort(this.abortedWith.reason);
    return this.controller.signal;
  }

  /** From now on it ends when it is due, or when the caller goes away. */
  watch(): void {
    this.around.alarms.set(this);
    this.caller?.addEventListener('abort', this, { once: true });
    // Aborted before: a listener hears nothing of that.
    if (this.caller?.aborted === true) this.handleEvent();
  }

  /** The breaker has let pass an attempt that was watched meanwhile. */
  enter(call: Call<T>, pass: Pass, nowMs: number): void {
    if (!this.isSet) return void this.around.breaker?.exitUndecided(pass);
    this.pass = pass;
    // Nothing is sent that nobody waits for.
    if (this.dueAtMs <= nowMs) return this.giveUp(this.timeout());
    this.leave();
    this.start(call, pass);
  }

  /** The breaker has refused an attempt that was watched meanwhile. */
  refuse(error: unknown): void {
    if (this.leave()) this.waiting.onError(error);
  }

  /** @param pass What the breaker gave, if there is one. */
  start(call: Call<T>, pass?: Pass): void {
    this.pass = pass;
    let begun;
    try {
      begun = call(this);
    } catch (error) {
      return this.endWithError(error);
    }
    if (!isThenable(begun)) return this.endWithValue(begun);
    this.watch();
    begun.then(
      (value) => {
        if (this.leave()) this.endWithValue(value);
      },
      (error: unknown) => {
        if (this.leave()) this.endWithError(error);
      },
    );
  }

  /** It is due. */
  ring(): void {
    this.caller?.removeEventListener('abort', this);
    if (this.answer !== undefined) return this.answer();
    const error = this.timeout();
    this.abort(error);
    this.endWithError(error);
  }

  /** The caller's signal was aborted. */
  handleEvent(): void {
    this.giveUp(this.caller?.reason);
  }

  /** Nobody waits for it any more: it ends with the reason, unless it has ended. */
  giveUp(reason: unknown): void {
    if (!this.leave()) return;
    if (this.answer !== undefined) return this.answer();
    const { around, pass, waiting } = this;
    this.abort(reason);
    this.tell(pass === undefined ? undefined : around.breaker?.exitUndecided(pass), () => waiting.onError(reason));
  }

  /** Ends the watching; false when something else has. */
  private leave(): boolean {
    if (!this.around.alarms.takeOff(this)) return false;
    this.caller?.removeEventListener('abort', this);
    return true;
  }

  private timeout(): TimeoutError {
    return new TimeoutError(this.dueAtMs - this.startedAtMs);
  }

  private abort(reason: unknown): void {
    this.abortedWith = { reason };
    this.controller?.abort(reason);
  }

  private endWithValue(value: T): void {
    const { around, pass, dueAtMs, waiting } = this;
    let told;
    try {
      if (pass !== undefined) told = around.breaker?.exitWithValue(pass, value, dueAtMs);
    } catch (broken) {
      return waiting.onError(broken);
    }
    if (told === undefined) waiting.onValue(value);
    else this.tell(told, () => waiting.onValue(value));
  }

  private endWithError(error: unknown): void {
    const { around, pass, waiting } = this;
    let told;
    try {
      if (pass !== undefined) told = around.breaker?.exitWithError(pass, error);
    } catch (broken) {
      return waiting.onError(broken);
    }
    this.tell(told, () => waiting.onError(error));
  }

  /**
   * The caller hears of it when the breaker has done with it, but no later than it is due, and at once when it goes away:
   * what the breaker still has to write is then written without it.
   */
  private tell(told: void | Promise<void>, answer: () => void): void {
    if (told === undefined) return answer();
    this.answer = answer;
    const hear = (): void => {
      if (this.leave()) answer();
    };
    told.then(hear, hear);
    this.watch();
  }
}

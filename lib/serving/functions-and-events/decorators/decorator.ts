/** Stands for the answer of a decorator that leaves answers as they are. */
export interface Unchanged {
  readonly unchanged: never;
}

/** What a decorator answers instead of going on, known by its `refusal`. */
export type Refused = { readonly refusal: string };

/** Stands, beside others, for the answer of a decorator that leaves refusals from further in as they are. */
export type UnchangedRefusals = Refused & { readonly unchangedRefusals: never };

declare const TYPES: unique symbol;
export const REFUSED: unique symbol = Symbol('refused');

/** Instead of going on: what is answered in the place of the handler. Made by {@link refuse}. */
export interface Refusal<R> {
  readonly [REFUSED]: R;
}

/** Ends the way inwards with an answer, which goes out through the decorators further out, as the handler's would. */
export const refuse = <R>(answer: R): Refusal<R> => ({ [REFUSED]: answer });

export type Awaitable<T> = T | PromiseLike<T>;

/**
 * What goes around a handler: it sees what comes in before the handler does, and the answer before the caller does. It
 * has `before`, `after` or both, or `around` instead of them. What a hook throws goes to the caller; on its way only an
 * `around` further out sees it.
 *
 * @typeParam Needs What must be in the context when its turn comes, given by the caller or by decorators further out.
 * @typeParam Provides What it adds to the context of those further in, in the place of fields of the same name.
 * @typeParam Refuses What it may answer itself, instead of going on.
 * @typeParam Takes What the answers may be that come to it from further in.
 * @typeParam Gives What it makes of them; {@link Unchanged} when it leaves them as they are,
 *   {@link UnchangedRefusals} beside others when it leaves refusals so.
 */
export interface Decorator<
  Needs,
  Provides extends object = object,
  Refuses = never,
  Takes = unknown,
  Gives = Unchanged,
> {
  /** Gives what it adds to the context, undefined for nothing, or a {@link refuse refusal}. */
  readonly before?: (context: Needs) => Awaitable<Provides | Refusal<Refuses> | undefined>;
  /** Gives the answer to pass on. It gets the context as its `before` got it. */
  readonly after?: (
    answer: Takes,
    context: Needs,
  ) => Awaitable<Gives extends Unchanged | UnchangedRefusals ? unknown : Gives>;
  /** Gives the answer to pass on: its own, or that of `next`, which goes on inwards with what it is given to add. */
  readonly around?: (context: Needs, next: (added?: Provides) => Promise<unknown>) => Awaitable<unknown>;
  /** Only for the types: what the chain is computed from. */
  readonly [TYPES]?: {
    readonly takes: (answer: Takes) => void;
    readonly provides: Provides;
    readonly refuses: Refuses;
    readonly gives: Gives;
  };
}

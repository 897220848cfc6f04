import { refuse as refuseArgument } from '#primitives/checks';
import { checkFunction } from '#primitives/part-checks';
import { compose } from './compose.ts';
import type { Awaitable, Decorator, Refused, Unchanged, UnchangedRefusals } from './decorator.ts';

/** What a decorator may answer itself, and what it makes of answers. */
type Effect = readonly [refuses: unknown, gives: unknown];

/** A context with what a decorator adds to it. */
export type Merged<Context, Provides> = {
  readonly [name in keyof Context | keyof Provides]: name extends keyof Provides
    ? Provides[name]
    : name extends keyof Context
      ? Context[name]
      : never;
};

type NextTakes<Outer, Takes, Gives> = [Gives] extends [Unchanged] ? Outer & Takes : Takes;

type After<Passed, Answer> = Passed extends readonly [infer Refuses, infer Gives]
  ? Refuses | ([Gives] extends [Unchanged] ? Answer : Exclude<Gives, UnchangedRefusals> | PassedOn<Gives, Answer>)
  : never;

type PassedOn<Gives, Answer> = [Extract<Gives, UnchangedRefusals>] extends [never] ? never : Extract<Answer, Refused>;

/** What the caller gets: the handler's answer as the decorators, from the innermost on, pass it on, or a refusal. */
export type Answered<Effects extends readonly Effect[], Answer> = Effects extends readonly [
  ...infer Outer extends readonly Effect[],
  infer Innermost,
]
  ? Answered<Outer, After<Innermost, Answer>>
  : Answer;

/**
 * A handler's decorators so far, the first one outermost. It is a value: each `with` gives a new one, so that several
 * handlers can share its beginning.
 *
 * @typeParam In What the decorated function is called with.
 * @typeParam Context What the next decorator, or the handler, gets.
 * @typeParam Takes What it may answer.
 */
export interface Chain<In, Context, Takes, Effects extends readonly Effect[]> {
  /** Puts a decorator around all that is added after it. It does not compile where what it needs is not there. */
  with<
    Provides extends object = object,
    Refuses extends Takes = never,
    Accepts = unknown,
    Gives extends Takes | Unchanged = Unchanged,
  >(
    decorator: Decorator<Context, Provides, Refuses, Accepts, Gives>,
  ): Chain<
    In,
    Merged<Context, Provides>,
    NextTakes<Takes, Accepts, Gives>,
    readonly [...Effects, readonly [Refuses, Gives]]
  >;

  /** The function: composed here, once. */
  handle<Answer extends Takes>(
    handler: (context: Context) => Awaitable<Answer>,
  ): (input: In) => Promise<Answered<Effects, Answer>>;
}

const HOOKS = ['before', 'after', 'around'] as const;

const checkDecorator = (decorator: object | null): void => {
  if (typeof decorator !== 'object' || decorator === null)
    throw refuseArgument('decorator', 'an object with before, after or around', decorator);
  const found = HOOKS.filter(
    (hook) => hook in decorator && typeof decorator[hook as keyof typeof decorator] === 'function',
  );
  const isRight = found.length > 0 && !(found.includes('around') && found.length > 1);
  if (!isRight)
    throw refuseArgument(
      'decorator',
      'one with before, after or both, or with around alone',
      found.join(' and ') || decorator,
    );
};

const chainOf = (decorators: readonly object[]): object =>
  Object.freeze({
    with: (decorator: object) => {
      checkDecorator(decorator);
      return chainOf([...decorators, decorator]);
    },
    // What fits to what has been said by the types of the chain.
    handle: (handler: (context: object) => unknown) => {
      checkFunction('handler', handler);
      return compose(decorators, handler);
    },
  });

/**
 * Begins a chain of decorators: typed end to end, so that a wrong order, or a handler that asks for what no decorator
 * provides, does not compile.
 *
 * @typeParam In What the decorated function is called with: it is the context of the first decorator.
 * @example
 * const place = decorated<{ headers: Headers; draft: unknown }>()
 *   .with(authenticated({ verify }))
 *   .with(validated(orderSchema))
 *   .handle(({ caller, body }) => shop.order(caller, body.lines));
 */
export const decorated = <In extends object>(): Chain<In, In, unknown, readonly []> =>
  // No decorators yet: what comes in is what a handler gets.
  chainOf([]) as Chain<In, In, unknown, readonly []>;

import { isThenable } from '#resilience/attempt';
import { REFUSED, type Awaitable, type Decorator } from './decorator.ts';

type Context = Readonly<Record<PropertyKey, unknown>>;
type AnyDecorator = Decorator<Context, Context, unknown>;
type Run = (context: Context) => Awaitable<unknown>;
type Step = Awaitable<object | undefined>;

/** A call on its way through a segment: mutable, because it lives for one call and is seen by nobody else. */
interface Passage {
  readonly context: Context;
  current: Context;
  /** What each decorator was given; made when one adds something and an `after` further in may see it. */
  given: Context[] | undefined;
  /** How many have let it in. */
  at: number;
  isRefused: boolean;
  answer: unknown;
}

/**
 * Decorators of `before` and `after` as one function. Where all of them answer at once and none has an `after`, the
 * handler's promise is that of the call; else one promise is made for all of them.
 */
const segment = (decorators: readonly AnyDecorator[], next: Run): ((context: Context) => Promise<unknown>) => {
  const count = decorators.length;
  const befores = decorators.map(({ before }) => before as ((context: Context) => Step) | undefined);
  const afters = decorators.map(({ after }) => after);
  const lastAfter = afters.findLastIndex((after) => after !== undefined);

  const take = (passage: Passage, added: object | undefined): void => {
    if (added === undefined) return;
    if (REFUSED in added) {
      passage.isRefused = true;
      passage.answer = added[REFUSED];
      return;
    }
    if (lastAfter > passage.at) passage.given ??= Array.from({ length: passage.at + 1 }, () => passage.context);
    passage.current = { ...passage.current, ...added };
  };

  /** Gives the decorator's step when it has to be waited for; undefined when all have let the call in, or one refused. */
  const enter = (passage: Passage): PromiseLike<object | undefined> | undefined => {
    for (; passage.at < count && !passage.isRefused; passage.at += 1) {
      const { at, given } = passage;
      if (given !== undefined) given[at] = passage.current;
      const step = befores[at]?.(passage.current);
      if (isThenable(step)) return step;
      if (step !== undefined) take(passage, step);
    }
    return undefined;
  };

  const leave = async (passage: Passage): Promise<unknown> => {
    let { answer } = passage;
    if (isThenable(answer)) answer = await answer;
    // Who has refused does not see its own refusal.
    const innermost = passage.isRefused ? passage.at - 2 : lastAfter;
    for (let at = Math.min(innermost, lastAfter); at >= 0; at -= 1) {
      const after = afters[at];
      if (after === undefined) continue;
      answer = after(answer, passage.given?.[at] ?? passage.context);
      if (isThenable(answer)) answer = await answer;
    }
    return answer;
  };

  /** From the first step that adds something, refuses, or has to be waited for. */
  const goOn = async (context: Context, at: number, step: Step): Promise<unknown> => {
    const passage: Passage = { context, current: context, given: undefined, at, isRefused: false, answer: undefined };
    take(passage, isThenable(step) ? await step : step);
    passage.at += 1;
    for (let waiting = enter(passage); waiting !== undefined; waiting = enter(passage)) {
      take(passage, await waiting);
      passage.at += 1;
    }
    if (!passage.isRefused) passage.answer = next(passage.current);
    return leave(passage);
  };

  // Of most calls most decorators add nothing: for these nothing is made but the promise of the afters.
  const outwards = afters.filter((after) => after !== undefined).toReversed();
  const passLater = async (given: PromiseLike<unknown>, context: Context, from: number): Promise<unknown> => {
    let answer = await given;
    for (let at = from; at < outwards.length; at += 1) {
      answer = outwards[at]?.(answer, context);
      if (isThenable(answer)) answer = await answer;
    }
    return answer;
  };
  const pass = (given: unknown, context: Context): unknown => {
    let answer = given;
    for (let at = 0; at < outwards.length; at += 1) {
      answer = outwards[at]?.(answer, context);
      if (isThenable(answer)) return passLater(answer, context, at + 1);
    }
    return answer;
  };

  return (context) => {
    try {
      for (let at = 0; at < count; at += 1) {
        const step = befores[at]?.(context);
        if (step !== undefined) return goOn(context, at, step);
      }
      const answer = next(context);
      if (outwards.length === 0) return Promise.resolve(answer);
      return isThenable(answer)
        ? Promise.resolve(answer).then((given) => pass(given, context))
        : Promise.resolve(pass(answer, context));
    } catch (error) {
      return Promise.reject(error);
    }
  };
};

const surrounded =
  (around: NonNullable<AnyDecorator['around']>, run: Run): ((context: Context) => Promise<unknown>) =>
  async (context) =>
    around(context, async (added) => run(added === undefined ? context : { ...context, ...added }));

/** The handler with the decorators around it, the first one outermost. Composed once; a call only runs it. */
export const compose = (
  decorators: readonly AnyDecorator[],
  handler: Run,
): ((context: Context) => Promise<unknown>) => {
  let run: ((context: Context) => Promise<unknown>) | undefined;
  // Collected from the inside: reversed.
  let inner: AnyDecorator[] = [];
  for (const decorator of decorators.toReversed()) {
    if (decorator.around === undefined) {
      inner.push(decorator);
      continue;
    }
    const within = run ?? handler;
    run = surrounded(decorator.around, inner.length === 0 ? within : segment(inner.toReversed(), within));
    inner = [];
  }
  return inner.length === 0 && run !== undefined ? run : segment(inner.toReversed(), run ?? handler);
};

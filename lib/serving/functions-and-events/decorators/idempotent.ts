import { canonicalJson } from '#primitives/canonical-json';
import { sha256 } from '#primitives/sha256';
import { checkNames, refuse as refuseArgument } from '#primitives/checks';
import { checkFunction } from '#primitives/part-checks';
import type { Json } from '#primitives/table';
import type { Idempotency, RunOptions } from '#resilience/idempotency';
import type { Decorator } from './decorator.ts';

/** A refusal of {@link idempotent}. */
export type NotRun =
  /** The first run with this key has not ended. */
  | { readonly refusal: 'in-progress'; readonly retryAfterMs: number }
  /** The key came with another request before. */
  | { readonly refusal: 'key-reused' }
  /** There is no key, and `withoutKey` is `refuse`. */
  | { readonly refusal: 'key-missing' };

export interface IdempotentOptions<Context, Answer extends Json | undefined> {
  readonly idempotency: Idempotency;
  /** 1..200 bytes: of which function, and of whom. Keys of two scopes never meet. */
  readonly scope: (context: Context) => string;
  /** 1..1024 bytes; undefined when the call has none. */
  readonly key: (context: Context) => string | undefined;
  /**
   * What is the same when the same is asked for again. Compared as JSON, whatever the order of its fields: what JSON would
   * lose (a Set, a Map, an instance of a class without `toJSON`, NaN) is refused, two requests could be one by it.
   */
  readonly request: (context: Context) => unknown;
  /**
   * A call without a key is never taken for another one: it is refused, or runs under the operation id that this gives
   * it, a new one for each call.
   */
  readonly withoutKey: 'refuse' | ((context: Context) => string);
  /** Which answers the key will ever be told; the others are given once, and the next call runs again. Default: all. */
  readonly isLasting?: (answer: Answer) => boolean;
  /** What is made of an answer that is given again, e.g. a header that says so. Default: nothing. */
  readonly replayed?: (answer: Answer) => NoInfer<Answer>;
  /** How long this attempt can last, and what ends its waiting. Default: nothing is known of it. */
  readonly run?: (context: Context) => RunOptions;
}

const NAMES = ['idempotency', 'scope', 'key', 'request', 'withoutKey', 'isLasting', 'replayed', 'run'];
const MISSING: NotRun = Object.freeze({ refusal: 'key-missing' });
const REUSED: NotRun = Object.freeze({ refusal: 'key-reused' });

/**
 * Runs what is further in at most once for each key that answers, and gives everyone with the same key and request the
 * same answer. Those further in get an `operationId`: an effect that is written under it is there once, also when an
 * attempt crashes in between ({@link Idempotency}).
 *
 * It stands behind what decides about the request: it asks for the validated `body`, so that nothing is answered from
 * memory that would be refused now.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown; a call throws it when its request is no JSON
 */
export const idempotent = <Context extends { readonly body: unknown }, Answer extends Json | undefined>(
  options: IdempotentOptions<Context, Answer>,
): Decorator<Context, { readonly operationId: string }, NotRun, Answer> => {
  checkNames(options, NAMES);
  const { idempotency, scope, key, request, withoutKey, isLasting = () => true, replayed, run } = options;
  if (typeof (idempotency as Idempotency | null | undefined)?.run !== 'function')
    throw refuseArgument('idempotency', 'an object with run', idempotency);
  for (const [name, part] of Object.entries({ scope, key, request })) checkFunction(name, part);
  for (const [name, part] of Object.entries({ isLasting, replayed, run }))
    if (part !== undefined) checkFunction(name, part);
  if (withoutKey !== 'refuse' && typeof withoutKey !== 'function')
    throw refuseArgument('withoutKey', 'refuse, or what gives an id', withoutKey);
  return Object.freeze({
    around: async (context, next) => {
      const given = key(context);
      if (given === undefined || given === '')
        return withoutKey === 'refuse' ? MISSING : next({ operationId: withoutKey(context) });
      const work = async (operationId: string) => {
        // What comes out is what the chain's types let in.
        const answer = (await next({ operationId })) as Answer;
        return { answer, keep: isLasting(answer) };
      };
      const hash = sha256(canonicalJson(request(context), 'request'));
      const outcome = await idempotency.run(scope(context), given, hash, work, run?.(context));
      if (outcome.status === 'in-progress') return { refusal: 'in-progress', retryAfterMs: outcome.retryAfterMs };
      if (outcome.status === 'reused') return REUSED;
      return outcome.replayed && replayed !== undefined ? replayed(outcome.answer as Answer) : outcome.answer;
    },
  } satisfies Decorator<Context, { readonly operationId: string }, NotRun, Answer>);
};

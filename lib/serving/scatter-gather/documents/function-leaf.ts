import * as v from 'valibot';
import { checkNames, checkText } from '#primitives/checks';
import type { Clock } from '#primitives/clock';
import { PatternError } from '#primitives/errors';
import type { InvocationOutcome, Invoker } from '#primitives/invoker';
import type { Random } from '#primitives/random';
import type { Json } from '#primitives/table';
import type { Attempt } from '#resilience/attempt';
import { backoffMs, type Backoff } from '#resilience/backoff';
import type { LeafCall } from '../types.ts';
import type { LeafInvocation } from './leaf-search.ts';
import type { LeafHits, LeafQuery } from './types.ts';

export interface FunctionLeafOptions {
  /** The leaf's name. */
  readonly name: string;
  readonly functionName: string;
  readonly invoker: Invoker;
  readonly clock: Clock;
  readonly random: Random;
}

/** The invocation of a leaf came to no answer of it: `scatter-gather/leaf-failed`, `-throttled` or `-garbled`. */
export class LeafError extends PatternError {
  constructor(kind: 'failed' | 'throttled' | 'garbled', message: string) {
    super(`scatter-gather/leaf-${kind}`, message, { retryable: true });
  }
}

/** What a call that was begun came to. */
type Begun = Exclude<InvocationOutcome, { readonly status: 'throttled' }>;

/** A call that was throttled was not begun: it waits for its turn. Another one at once would be throttled as well. */
const TURN: Backoff = { baseMs: 25, limitMs: 400 };
const MAX_TURNS = 50;

const answerSchema = v.strictObject({
  requestId: v.string(),
  leaf: v.string(),
  hits: v.array(v.strictObject({ id: v.string(), score: v.number(), excerpt: v.string() })),
  workMs: v.number(),
});

/**
 * A leaf that is a function: each call is one invocation, whose answer must carry the number of this call, so that an
 * answer that belongs to another one is a failure and never a part. An abort stops the waiting, not the function.
 *
 * While the function has as many calls as it may, the call is put off, with full jitter, until it is due.
 *
 * @throws {@link InvalidArgumentError} when an option is unknown or out of its range
 */
export const functionLeaf = (options: FunctionLeafOptions): LeafCall<LeafQuery, LeafHits> => {
  checkNames(options, ['name', 'functionName', 'invoker', 'clock', 'random']);
  const { name, functionName, invoker, clock, random } = options;
  checkText('name', name, 1, 256);
  checkText('functionName', functionName, 1, 140);

  const invoke = async (call: Json, { dueAtMs, signal }: Attempt): Promise<Begun> => {
    for (let turn = 1; ; turn += 1) {
      const outcome = await invoker.invoke(functionName, call, signal);
      if (outcome.status !== 'throttled') return outcome;
      const pauseMs = backoffMs(turn, TURN, random);
      if (turn >= MAX_TURNS || clock.monotonicMs() + pauseMs >= dueAtMs)
        throw new LeafError('throttled', `${name} has as many calls as it may.`);
      await clock.sleep(pauseMs, signal);
    }
  };

  return async ({ indexKeys, ...query }, attempt) => {
    const requestId = random.uuid();
    const call = {
      ...query,
      terms: query.terms.map((term) => ({ ...term })),
      requestId,
      leaf: name,
      indexKey: indexKeys[name] ?? null,
    } satisfies LeafInvocation;
    const outcome = await invoke(call, attempt);
    if (outcome.status === 'failed') throw new LeafError('failed', `${name}: ${outcome.errorType}: ${outcome.message}`);
    const parsed = v.safeParse(answerSchema, outcome.payload);
    if (!parsed.success || parsed.output.requestId !== requestId || parsed.output.leaf !== name)
      throw new LeafError('garbled', `${name} gave an answer that is not one to this call.`);
    const { hits, workMs } = parsed.output;
    return { hits, workMs };
  };
};

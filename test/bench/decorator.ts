/** A handler with no, three and ten decorators around it that do nothing: ours, middy's, and the bare handler. */
import middy from '@middy/core';
import { decorated, type Decorator } from '../../lib/serving/functions-and-events/decorators/index.ts';
import type { Benchmark } from './benchmark.ts';
import { inRounds, median, ratio, rounded } from './rounds.ts';

const CALL_COUNT = 20_000;
/** Slower by an order of magnitude: as many calls take about as long. */
const SLOW_CALL_COUNT = 1_500;
const ROUND_COUNT = 41;
const GOALS = [
  [0, 1.5],
  [3, 2.5],
  [10, 4],
] as const;

interface Event {
  readonly id: number;
}
type Run = (event: Event) => Promise<unknown>;

const bare = async (_event: Event): Promise<number> => 1;

/** Each a decorator of its own, as ten different ones would be. */
const nothing = (): Decorator<object> => ({ before: () => undefined, after: (answer) => answer });
const onlyBefore = (): Decorator<object> => ({ before: () => undefined });
const adding = (): Decorator<object, { readonly added: number }> => ({ before: () => ({ added: 1 }) });

const ours = (count: number, decorator: () => Decorator<object>): Run => {
  let chain = decorated<Event>().with(decorator());
  // The types of a chain know how long it is; that of the benchmark does not.
  for (let made = 1; made < count; made += 1) chain = chain.with(decorator()) as never;
  return count === 0 ? decorated<Event>().handle(bare) : chain.handle(bare as never);
};

const context = { getRemainingTimeInMillis: () => 1_000 };
const middys = (count: number): Run => {
  const handler = middy(bare as never);
  for (let made = 0; made < count; made += 1) handler.use({ before: () => undefined, after: () => undefined });
  return (event) => handler(event as never, context as never, undefined as never) as Promise<unknown>;
};

const perSecond = (run: Run, callCount: number) => async (): Promise<number> => {
  const startedMs = performance.now();
  for (let calls = 0; calls < callCount; calls += 1) {
    if ((await run({ id: calls })) !== 1) throw new Error('Expected the answer of the handler.');
  }
  return (callCount * 1000) / (performance.now() - startedMs);
};

const BARE = 'bare handler';
const own = (count: number): string => `ours, ${count} of before and after`;
const candidates = [
  { name: BARE, measure: perSecond(bare, CALL_COUNT) },
  ...[0, 3, 10].map((count) => ({ name: own(count), measure: perSecond(ours(count, nothing), CALL_COUNT) })),
  ...[3, 10].map((count) => ({
    name: `ours, ${count} of before alone`,
    measure: perSecond(ours(count, onlyBefore), CALL_COUNT),
  })),
  { name: 'ours, 3 that each add a field', measure: perSecond(ours(3, adding), CALL_COUNT) },
  ...[0, 3, 10].map((count) => ({
    name: `middy 7, ${count} of before and after`,
    measure: perSecond(middys(count), SLOW_CALL_COUNT),
  })),
];

export const benchmark: Benchmark = async (say) => {
  const rounds = await inRounds({ candidates, roundCount: ROUND_COUNT, say });
  const slower = (name: string): number => ratio(rounds, BARE, name);
  return {
    columns: ['candidate', 'calls/s', '× bare (time)'],
    rows: candidates.map(({ name }) => [name, rounded(median(rounds[name] ?? [])), rounded(slower(name))]),
    goals: GOALS.map(([count, atMost]) => ({
      figure: `${count} decorators of before and after: × the bare handler`,
      atMost,
      measured: slower(own(count)),
    })),
    remarks: ['One call after the other; the handler is asynchronous, and neither it nor the decorators do anything.'],
  };
};

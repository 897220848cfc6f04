import { pipeline } from '#batch/event-driven/pipeline';
import { merger } from '#batch/event-driven/steps';
import { BrokenPromiseError } from '#simulation/checkers';
import { seeds, SimulationFailure, type Scenario } from '#simulation/sweep';
import { world } from '#simulation/world';
import { allFivePipeline, expectedOf, someEvents } from './all-five-events.ts';
import { counterByAdd, forgetfulFilter, mergerByArrival, silentFilter } from './planted.ts';
import { holdEnd, pipelinesIn, type Planted } from './simulated.ts';

const scenario =
  (planted: Planted): Scenario =>
  async (w) => {
    const place = pipelinesIn(w, { pipelines: [allFivePipeline], maxReceiveCount: 20, planted });
    const events = someEvents(40, { keys: 4, poisonEvery: 100 });
    await place.submit('all-five', 'list', events);
    await w.untilQuiet();
    await holdEnd(w, place, expectedOf(events));
  };

const failureOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
  } catch (error) {
    if (error instanceof SimulationFailure || error instanceof BrokenPromiseError) return error.message;
    throw error;
  }
  return 'nothing was found';
};

test('the right implementation passes what the wrong ones fail', async () => {
  const faults = () => [{ kind: 'lose-answer' as const, rate: 0.05 }];
  expect(await failureOf(seeds(scenario({}), { count: 4, faults }))).toBe('nothing was found');
});

test('a counter by ADD is caught when answers are lost', async () => {
  const faults = () => [{ kind: 'lose-answer' as const, rate: 0.05 }];
  expect(await failureOf(seeds(scenario(counterByAdd), { count: 4, faults }))).toMatch(/came in|accounted|wait/);
}, 60_000);

test('a filter that does not count what it drops is caught without any fault', async () => {
  expect(await failureOf(scenario(forgetfulFilter)(world({ seed: 1 })))).toMatch(/keep: .*wait/);
});

test('a filter that drops and calls it out is caught without any fault', async () => {
  const silent = pipeline({ name: 'silent', first: 'drop', stages: { drop: silentFilter(), merge: merger() } });
  const events = someEvents(20, { keys: 4, poisonEvery: 100 });
  const run = async (): Promise<void> => {
    const w = world({ seed: 1 });
    const place = pipelinesIn(w, { pipelines: [silent], maxReceiveCount: 5 });
    await place.submit('silent', 'list', events);
    await w.untilQuiet();
    await holdEnd(w, place, { pipeline: silent, events, isFiltered: () => undefined, isPoison: () => false });
  };
  expect(await failureOf(run())).toMatch(/drop: 20 went on, 1\d were sent/);
});

test('a merger that orders by arrival is caught without any fault', async () => {
  expect(await failureOf(scenario(mergerByArrival)(world({ seed: 1 })))).toMatch(/out of order/);
});

/** A world to run handlers in: virtual time, seeded chance, functions that crash, event sources, sweeps and checkers. */
export {
  BrokenPromiseError,
  falling,
  holdAll,
  lost,
  notRising,
  outOfOrder,
  twice,
  unbalanced,
  unexpected,
  type Problems,
} from './checkers.ts';
export type { EventSourceOptions } from './event-source.ts';
export type { FunctionOptions, Handler, InvocationContext, SimulatedFunction } from './function-host.ts';
export {
  mixedFaults,
  replay,
  seeds,
  SimulationFailure,
  sweep,
  type Run,
  type Scenario,
  type SeedsOptions,
  type SweepOptions,
} from './sweep.ts';
export { world, type World, type WorldOptions } from './world.ts';

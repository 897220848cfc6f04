/** Sidecars (Burns, 2nd ed., chapter 3): companions of a program that does not know of them. */
export type { Need, SidecarReport, SidecarState } from './crew.ts';
export type { Invocation, Outcome, Sidecar, SidecarContext } from './sidecar.ts';
export {
  withSidecar,
  type FunctionHandler,
  type SidecarHandler,
  type Sidecars,
  type SidecarsReport,
  type WithSidecarOptions,
} from './with-sidecar.ts';

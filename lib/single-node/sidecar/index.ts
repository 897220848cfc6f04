/** Sidecars (Burns, 2nd ed., chapter 3): companions of a program that does not know of them. */
export type { Need, SidecarReport, SidecarState } from './crew.ts';
export { lambdaExtension, type LambdaExtensionOptions } from './lambda-extension.ts';
export { runSidecar, type RunSidecarOptions } from './run-sidecar.ts';
export type { Invocation, Outcome, Sidecar, SidecarContext } from './sidecar.ts';
export {
  withSidecar,
  type FunctionHandler,
  type SidecarHandler,
  type Sidecars,
  type SidecarsReport,
  type WithSidecarOptions,
} from './with-sidecar.ts';
export { selfSignedPair, type CertificatePair, type SelfSignedOptions } from './tls/self-signed.ts';
export type { CertificateFiles } from './tls/certificate.ts';
export { tlsSidecar, type TlsLimits, type TlsSidecarOptions } from './tls/tls-sidecar.ts';
export { processSource } from './topz/process-source.ts';
export type { TopzReport } from './topz/report.ts';
export { topz, type Topz, type TopzOptions } from './topz/topz.ts';
export type { Reading, Usage, UsageSource } from './topz/usage.ts';
export { usageSource } from './topz/usage-source.ts';

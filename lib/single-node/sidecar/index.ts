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
export { configStore, type ConfigPutOutcome, type ConfigStore } from './config-sync/config-store.ts';
export {
  configSync,
  type ConfigSync,
  type ConfigSyncOptions,
  type ConfigSyncReport,
} from './config-sync/config-sync.ts';
export { objectConfigSource, tableConfigSource, type ConfigSource } from './config-sync/sources.ts';
export type { Config, ConfigCandidate, Validate, Validation } from './config-sync/step.ts';
export type { Files } from './files.ts';
export { nodeFiles } from './node-files.ts';
export type { SyncOutcome } from './git-sync/deployer.ts';
export { gitFront, type GitFrontOptions } from './git-sync/front.ts';
export { systemGit, type Git, type GitCall, type SystemGitOptions } from './git-sync/git.ts';
export { gitSync, type GitSync, type GitSyncOptions } from './git-sync/git-sync.ts';
export { launcher, type LauncherOptions } from './git-sync/launcher.ts';
export type { Launch, Launched, RunningProgram } from './git-sync/program.ts';
export {
  gitRepository,
  type CheckedOut,
  type GitRepositoryOptions,
  type VersionSource,
} from './git-sync/repository.ts';
export type { Act } from './git-sync/stage.ts';
export type { TreeLimits } from './git-sync/tree.ts';
export { processSource } from './topz/process-source.ts';
export type { TopzReport } from './topz/report.ts';
export { topz, type Topz, type TopzOptions } from './topz/topz.ts';
export type { Reading, Usage, UsageSource } from './topz/usage.ts';
export { usageSource } from './topz/usage-source.ts';

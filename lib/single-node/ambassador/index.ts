/** The ambassador (Burns, chapter 4): a client calls one address, and the ambassador does the rest. */
export { isLinkLocal, isPublicAddress } from './addresses.ts';
export { broker, type Broker, type BrokerOptions } from './broker.ts';
export type { CachedReadsOptions } from './cached-reads.ts';
export { AnswerTooLongError, TargetRefusedError } from './errors.ts';
export { variantOf, type Experiment, type ExperimentPlan } from './experiment.ts';
export { experiments, type ExperimentReport, type Experiments, type ExperimentsOptions } from './experiments.ts';
export { nodeTransport, type NodeTransportOptions } from './node-transport.ts';
export type { BrokerOutcome } from './outcome.ts';
export { registry, type Registered, type Registration, type Registry, type RegistryOptions } from './registry.ts';
export { sampleRatio, type SampleRatio } from './sample-ratio.ts';
export { shadow, shadowQueue, type Shadow, type ShadowCopy, type ShadowOptions } from './shadow.ts';
export { shadowWorker, type ShadowEnd, type ShadowWorkerOptions } from './shadow-worker.ts';
export { shardedValues, type ShardedValues, type ShardedValuesOptions } from './sharded-values.ts';
export { splitMessages, type SplitBatch, type SplitMessagesOptions } from './split-messages.ts';
export { splitter, type SplitOutcome, type Splitter, type SplitterOptions } from './splitter.ts';
export type { Resolve, Target, TargetRules } from './target.ts';
export * from './types.ts';
export { variantCounts, type Counts, type VariantCount, type VariantCountsOptions } from './variant-counts.ts';

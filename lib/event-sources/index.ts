/** The rules by which AWS feeds functions from queues and streams, as pure steps: batches, answers, concurrency, filters. */
export { judgeBatch, type BatchAnswer, type BatchVerdict } from './batch-answer.ts';
export {
  startBatching,
  stepBatching,
  type Batching,
  type BatchingChange,
  type BatchingEvent,
  type BatchingRules,
  type BatchingStep,
  type BatchItem,
} from './batching.ts';
export { compileRecordFilter, compileStreamFilter, type RecordFilter } from './filter.ts';
export {
  mappingInput,
  parseMapping,
  type ApiRefusal,
  type EventSourceMapping,
  type MappingFacts,
  type MappingOutcome,
} from './mapping.ts';
export { compilePattern, type EventMatcher } from './pattern.ts';
export { concurrencyLimit, startScaling, stepScaling, type Scaling, type ScalingEvent } from './scaling.ts';
export { parseQueueArn, sqsPayload, sqsRecord, type QueueArn, type SqsRecord, type WireMessage } from './sqs-event.ts';
export {
  discardNotice,
  laneOf,
  parseStreamArn,
  streamRecord,
  type DiscardCondition,
  type DiscardedBatch,
  type StreamArn,
  type StreamRecord,
  type WireStreamRecord,
} from './stream-event.ts';
export type { StreamSettings } from './stream-mapping.ts';
export {
  lowestOpen,
  startShard,
  stepShard,
  type BatchEnd,
  type Discard,
  type ShardBatch,
  type ShardChange,
  type ShardEvent,
  type ShardItem,
  type ShardRules,
  type ShardState,
  type ShardStep,
} from './stream-shard.ts';

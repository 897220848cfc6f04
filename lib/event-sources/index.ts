/** The rules by which AWS feeds functions from queues, as pure steps: batches, answers, concurrency, filters. */
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
export { compileRecordFilter, type RecordFilter } from './filter.ts';
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

/** Event-driven batch (Burns, chapter 12): pipelines of copiers, filters, splitters, sharders, workers and mergers. */
export { PermanentFailure } from '#batch/work-queue/types';
export { diagramOf } from './diagram.ts';
export { eventDriven, type EventDriven, type EventDrivenOptions } from './event-driven.ts';
export type { Fate, Fated, Ledger } from './ledger.ts';
export { mergeStep, NEW_KEY, type KeyState, type MergeLimit, type MergeStep, type Piece } from './merge-step.ts';
export type { OutputEvent, OutputPage } from './output.ts';
export type { Outlets } from './outlets.ts';
export { pipeline, WHOLE, type Edge, type Pipeline } from './pipeline.ts';
export { conservationProblems, type PipelineProgress, type StageProgress } from './progress.ts';
export { copier, filter, merger, shardOf, sharder, splitter, topic, worker, type Feeding } from './steps.ts';
export type { Counts } from './tally.ts';
export { fragmentOf, queueVariable, type Fragment } from './fragment.ts';
export { LIST_TYPE, type FragmentOptions } from './fragment-common.ts';
export type { Decision, MergerStage, PipelineEvent, Stage, Step, Target, Topic } from './types.ts';

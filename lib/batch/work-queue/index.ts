/** The work queue (Burns, chapter 11): jobs of many items, independent workers, one effect for each item. */
export { batchWorker, type BatchWorkerOptions } from './batch-worker.ts';
export { bucketSource } from './bucket-source.ts';
export { bury, type BuryOptions } from './bury.ts';
export { buryPlan } from './bury-plan.ts';
export { httpPost } from './http-post.ts';
export type { JobPlan } from './job-plan.ts';
export { planner, type PlannerOptions } from './planner.ts';
export { recordWorker, type Post } from './record-worker.ts';
export { redrive, type RedriveOptions, type RedriveRoute } from './redrive.ts';
export { redriveStarter, type RedrivePlan } from './redrive-start.ts';
export type { Backoff } from './retry-later.ts';
export type { DeadLetterPage, ResultPage } from './results.ts';
export { thumbnailWorker, type Thumbnail, type ThumbnailWorkerOptions } from './thumbnail-worker.ts';
export * from './types.ts';
export type { DeadlineAt, Priority } from './urgency.ts';
export type { VideoFormat } from './video-format.ts';
export { ffmpegFrame, type VideoFrame } from './video-frame.ts';
export { workQueue, type WorkQueue, type WorkQueueOptions } from './work-queue.ts';

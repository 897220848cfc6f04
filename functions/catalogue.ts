import type { Api } from '#http/api';
import { shardedApi } from './serving/sharded/api.ts';
import { workQueueApi } from './batch/work-queue/api.ts';
import { ambassadorApi } from './single-node/ambassador/api.ts';

/** The APIs of all patterns, in the order of the book. A new pattern is added here. */
export const catalogue: readonly Api[] = Object.freeze([ambassadorApi, shardedApi, workQueueApi]);

import type { Demo } from './demo.ts';
import { shardedDemo } from './serving/sharded/demo.ts';
import { workQueueDemo } from './batch/work-queue/demo.ts';
import { ambassadorDemo } from './single-node/ambassador/demo.ts';

/** Every pattern's demo, in the order of the book. */
export const DEMOS: readonly Demo[] = [ambassadorDemo, shardedDemo, workQueueDemo];

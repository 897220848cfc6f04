import type { Demo } from './demo.ts';
import { workQueueDemo } from './batch/work-queue/demo.ts';
import { scatterGatherDemo } from './serving/scatter-gather/demo.ts';

/** Every pattern's demo, in the order of the book. */
export const DEMOS: readonly Demo[] = [scatterGatherDemo, workQueueDemo];
